use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use edge::same_site;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq;

use super::error::ApiError;
use crate::app::App;
use crate::config::Secret;

const AZURE: HeaderName = HeaderName::from_static("api-key");
const ANTHROPIC: HeaderName = HeaderName::from_static("x-api-key");

/// Lets pass who presents the master key; where there is none, everyone but pages of other sites.
pub(super) async fn check(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    match &app.master_key {
        Some(key) if !presents(request.headers(), key) => {
            return Err(ApiError::unauthenticated());
        }
        Some(_) => {}
        // No page knows the key; without one, whoever's browser is on this machine would pay for
        // what it asks.
        None => same_site::check(request.uri(), request.headers(), app.is_local)
            .map_err(ApiError::foreign)?,
    }
    Ok(next.run(request).await)
}

/// Where OpenAI's, Azure's and Anthropic's clients say their key.
fn presents(headers: &HeaderMap, key: &Secret) -> bool {
    let bare = [AZURE, ANTHROPIC].into_iter().filter_map(|name| headers.get(name));
    bare.map(|value| value.as_bytes()).any(|value| is_key(value, key)) || bears(headers, key)
}

/// In constant time: how long it takes says nothing of how much of the key was right.
fn is_key(value: &[u8], key: &Secret) -> bool {
    value.ct_eq(key.reveal().as_bytes()).into()
}

fn bears(headers: &HeaderMap, key: &Secret) -> bool {
    let value = headers.get(AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
    let Some((scheme, token)) = value.split_at_checked("Bearer ".len()) else {
        return false;
    };
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer ");
    is_bearer && is_key(token, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_and_nothing_else_opens() {
        let key = Secret::new("sk-1".to_owned());
        for (value, opens) in [
            ("Bearer sk-1", true),
            ("bearer sk-1", true),
            ("Bearer sk-12", false),
            ("Bearer sk-", false),
            ("Bearer ", false),
            ("Basic sk-1", false),
            ("sk-1", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(presents(&headers, &key), opens, "{value}");
        }
        assert!(!presents(&HeaderMap::new(), &key));
        for name in [AZURE, ANTHROPIC] {
            let with = |value: &str| HeaderMap::from_iter([(name.clone(), value.parse().unwrap())]);
            assert!(presents(&with("sk-1"), &key) && !presents(&with("sk-2"), &key));
            assert!(!presents(&with(""), &key));
        }
    }
}
