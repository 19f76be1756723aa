use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

use super::error::ApiError;
use crate::app::App;
use crate::config::Secret;

/// Lets pass who presents the master key, and everyone where there is none.
pub(super) async fn check(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    match &app.master_key {
        Some(key) if !presents(request.headers(), key) => Err(ApiError::unauthenticated()),
        _ => Ok(next.run(request).await),
    }
}

/// In constant time: how long it takes says nothing of how much of the key was right.
fn presents(headers: &HeaderMap, key: &Secret) -> bool {
    let value = headers.get(AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
    let Some((scheme, token)) = value.split_at_checked("Bearer ".len()) else {
        return false;
    };
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer ");
    is_bearer && bool::from(token.ct_eq(key.reveal().as_bytes()))
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
    }
}
