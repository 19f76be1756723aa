//! The body of a call, as JSON.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use edge::body::{BodyError, BodyPlace};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use quota_api::Code;
use quota_api::limits::MAX_BODY_BYTES;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use tokio::time::timeout;

use super::{Api, Failure};
use crate::metrics;

/// A body that is `T`: of the right media type, not too large, in time, and of `T`'s shape; and its
/// place among all bodies, which a handler holds until it has answered.
pub(super) struct Json<T>(pub(super) T, pub(super) BodyPlace);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Failure> {
        check_media_type(request.headers())?;
        let reading = api.body_room.read(request.into_body(), MAX_BODY_BYTES);
        let reading = timeout(api.body_read, reading);
        let late = |_| Failure::new(Code::RequestTimeout, "the body did not arrive in time");
        let (bytes, place) = reading.await.map_err(late)?.map_err(unread)?;
        Ok(Self(parse(&bytes)?, place))
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Failure> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "the body must be sent as `content-type: application/json`";
    Err(Failure::new(Code::UnsupportedMediaType, detail))
}

fn unread(why: BodyError) -> Failure {
    let (code, detail) = match why {
        BodyError::TooLarge => {
            (Code::BodyTooLarge, format!("the body is larger than {MAX_BODY_BYTES} bytes"))
        }
        BodyError::NoRoom => {
            metrics::refused_for_memory(metrics::MemoryOf::Bodies);
            (Code::Overloaded, why.to_string())
        }
        BodyError::BrokeOff => (Code::MalformedBody, why.to_string()),
    };
    Failure::new(code, detail)
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // serde would take an array for a struct, its fields in order: no reader could tell what is
    // what.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Failure::new(Code::MalformedBody, "a JSON object belongs here"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let detail = match path_of_error::<T>(bytes) {
            Some(path) => format!("`{path}`: {error}"),
            None => error.to_string(),
        };
        Failure::new(Code::MalformedBody, detail)
    })
}

/// Reads it again with a record of where it is: only a body that is wrong pays for that.
fn path_of_error<T: DeserializeOwned>(bytes: &[u8]) -> Option<String> {
    let reader = &mut serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(reader).err()?;
    let path = error.path();
    let is_known = |segment: &Segment| !matches!(segment, Segment::Unknown);
    (path.iter().len() > 0 && path.iter().all(is_known)).then(|| path.to_string())
}

#[cfg(test)]
mod tests {
    use quota_api::Batch;

    use super::*;

    fn wrong(body: &str) -> String {
        let failure = parse::<Batch>(body.as_bytes()).unwrap_err();
        assert_eq!(failure.problem().code, Code::MalformedBody);
        failure.into_problem().detail
    }

    #[test]
    fn the_detail_names_the_field() {
        let item = |tokens: &str| {
            format!(
                r#"{{"holder":"h","give_back":[{{"lease_id":"1","tokens":{tokens},"requests":1}}]}}"#
            )
        };
        for (body, detail) in [
            (item("-1"), "`give_back[0].tokens`: invalid value: integer `-1`"),
            (item("1.5"), "`give_back[0].tokens`: invalid type: floating point `1.5`"),
            (item("18446744073709551616"), "`give_back[0].tokens`: invalid type: floating point"),
            (item("\"1\""), "`give_back[0].tokens`: invalid type: string"),
            (item("null"), "`give_back[0].tokens`: invalid type: null"),
            (item("1,\"tokens\":2"), "`give_back[0]`: duplicate field `tokens`"),
            (item("1,\"weight\":2"), "`give_back[0].weight`: unknown field `weight`"),
            (r#"{"acquire":[]}"#.to_owned(), "missing field `holder`"),
            (r#"{"holder":"h""#.to_owned(), "EOF while parsing"),
            (r#"{"holder":"h"} x"#.to_owned(), "trailing characters"),
            ("[".repeat(100_000), "a JSON object belongs here"),
            (r#" ["h"]"#.to_owned(), "a JSON object belongs here"),
            (format!("{{\"holder\":{}", "[".repeat(100_000)), "`holder`: invalid type: sequence"),
            (String::new(), "EOF while parsing"),
        ] {
            let found = wrong(&body);
            assert!(found.starts_with(detail), "{body:.80}: {found}");
        }
    }

    #[test]
    fn media_types() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            check_media_type(&headers).is_ok()
        };
        assert!(check("application/json") && check("Application/JSON ; charset=utf-8"));
        assert!(!check("text/plain") && !check("application/jsonp") && !check(""));
        assert!(check_media_type(&HeaderMap::new()).is_err());
    }
}
