//! Which pages of other sites may call.

use std::time::Duration;

use http::{HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer, ExposeHeaders};

/// How long a browser may remember what it was allowed.
const MAX_AGE: Duration = Duration::from_secs(600);

/// An origin, as browsers say it (`https://app.example`), or `*` for all.
///
/// # Errors
/// It is none: what is wrong with it.
pub fn origin(text: &str) -> Result<HeaderValue, String> {
    // Browsers say it in small letters, and no port that goes without saying.
    let is_origin = || {
        let uri: Uri = text.parse().ok()?;
        let usual = match uri.scheme_str()? {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let authority = uri.authority()?;
        let bare = format!("{}://{authority}", uri.scheme_str()?);
        let is_said = authority.port_u16().is_none_or(|port| port != usual);
        let is_plain = !text.contains(['@', '*']) && !text.ends_with(':');
        (is_said && is_plain && bare == text && text == text.to_ascii_lowercase()).then_some(())
    };
    if text != "*" && is_origin().is_none() {
        return Err(
            "an origin is like https://app.example, with nothing behind it; * is all".to_owned()
        );
    }
    HeaderValue::try_from(text).map_err(|error| error.to_string())
}

/// Answers preflights, and tells browsers that these origins may read answers. None: no page may.
pub(super) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let allowed = match origins {
        [] => return None,
        all if all.iter().any(|origin| origin == "*") => AllowOrigin::from(Any),
        these => AllowOrigin::list(these.iter().cloned()),
    };
    // No credentials: a browser has none that a gateway knows, the page's script sends the key.
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(ExposeHeaders::any())
            .max_age(MAX_AGE),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_nothing_behind_them() {
        for good in ["*", "https://app.example", "http://localhost:3000"] {
            assert_eq!(origin(good).unwrap(), good);
        }
        for bad in [
            "",
            "null",
            "app.example",
            "ftp://app.example",
            "https://app.example/",
            "https://u@app.example",
            "https://App.example",
            "https://*.example",
            "https://app.example:443",
            "http://app.example:80",
            "https://app.example:",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
