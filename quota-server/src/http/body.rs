//! The body of a call, as JSON.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use quota_api::Code;
use quota_api::limits::MAX_BODY_BYTES;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Api, Failure};
use crate::metrics;

/// A body that is `T`: of the right media type, not too large, in time, and of `T`'s shape; and its
/// place among all bodies, which a handler holds until it has answered.
pub(super) struct Json<T>(pub(super) T, pub(super) BodyPlace);

/// What bodies may take at once, bytes of them: a body counts as it arrives, and until it is answered.
pub struct BodyRoom(Arc<Semaphore>);

/// The place of one body. It is given back when this is dropped.
pub(super) struct BodyPlace {
    _bytes: OwnedSemaphorePermit,
}

impl BodyRoom {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.0.available_permits()
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Failure> {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(count).map_err(|_full| {
            metrics::refused_for_memory(metrics::MemoryOf::Bodies);
            Failure::new(
                Code::Overloaded,
                "the bodies of other requests take all the room there is",
            )
        })
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Failure> {
        check_media_type(request.headers())?;
        let reading = timeout(api.body_read, read(request, &api.body_room));
        let late = |_| Failure::new(Code::RequestTimeout, "the body did not arrive in time");
        let (bytes, place) = reading.await.map_err(late)??;
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

/// Reads a body, frame by frame: what has not arrived takes no room, whatever its head says.
async fn read(request: Request, room: &BodyRoom) -> Result<(Bytes, BodyPlace), Failure> {
    let mut body = Limited::new(request.into_body(), MAX_BODY_BYTES);
    let mut taken = room.take(0)?;
    let mut bytes = Bytes::new();
    let mut joined = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(&*error))?.into_data() else { continue };
        taken.merge(room.take(data.len())?);
        if bytes.is_empty() {
            bytes = data;
            continue;
        }
        // Frames are not kept: of one byte each they would be thirty times the body.
        if joined.is_empty() {
            joined.extend_from_slice(&bytes);
        }
        joined.extend_from_slice(&data);
    }
    let bytes = if joined.is_empty() { bytes } else { joined.into() };
    Ok((bytes, BodyPlace { _bytes: taken }))
}

fn broken(error: &(dyn Error + Send + Sync + 'static)) -> Failure {
    if error.is::<LengthLimitError>() {
        let detail = format!("the body is larger than {MAX_BODY_BYTES} bytes");
        return Failure::new(Code::BodyTooLarge, detail);
    }
    Failure::new(Code::MalformedBody, "the body broke off")
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // serde would take an array for a struct, its fields in order: no reader could tell what is what.
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
