//! Requests that a web page of somebody else makes a browser send.
//!
//! A server without tokens lets in whoever reaches it, and trusts that on loopback these are the
//! machine's own users. Their browsers reach it too. A page cannot forge what a browser says of it:
//! `Origin` names where the page came from, and `Host` the name that was looked up, also where that
//! name's owner made it point to 127.0.0.1 after the page was loaded (DNS rebinding).

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use http::uri::{Authority, Uri};

/// A request that a page of another site makes a browser send, or one that cannot be told from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// `Host` is a name that the server does not have.
    #[error("`Host` is none of localhost, 127.0.0.1 and [::1]")]
    Host,
    /// `Host` is no name.
    #[error("`Host` cannot be read")]
    Unreadable,
    /// The page is another site's.
    #[error("`Origin` is another site")]
    Origin,
}

/// Refuses what a page of another site asks for. With `local_only` the server is known by the names
/// of loopback and no others; elsewhere it may have any name.
///
/// # Errors
/// It is one.
pub fn check(uri: &Uri, headers: &HeaderMap, local_only: bool) -> Result<(), Foreign> {
    let host = match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => host(headers)?,
    };
    if local_only && host.as_ref().is_some_and(|host| !is_local(host.host())) {
        return Err(Foreign::Host);
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let origin = origin.as_ref().and_then(Uri::authority);
    if origin.is_some() && origin == host.as_ref() {
        return Ok(());
    }
    Err(Foreign::Origin)
}

fn host(headers: &HeaderMap) -> Result<Option<Authority>, Foreign> {
    let Some(host) = headers.get(HOST) else { return Ok(None) };
    let host = host.to_str().ok().and_then(|host| host.parse().ok());
    host.map(Some).ok_or(Foreign::Unreadable)
}

fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || matches!(host, "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(host: &str, origin: &str, local_only: bool) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in [(HOST, host), (ORIGIN, origin)] {
            if !value.is_empty() {
                headers.insert(name, value.parse().unwrap());
            }
        }
        check(&Uri::from_static("/v1/deployments/m"), &headers, local_only).is_ok()
    }

    #[test]
    fn on_loopback_by_its_names_alone() {
        let table = [
            ("", "", true),
            ("127.0.0.1:7700", "", true),
            ("LocalHost:7700", "", true),
            ("[::1]:7700", "", true),
            ("localhost", "", true),
            ("evil.example:7700", "", false),
            ("127.0.0.1.evil.example", "", false),
            ("localhost.evil.example:7700", "", false),
            ("10.0.0.7:7700", "", false),
            ("user@localhost", "", true),
            ("local host", "", false),
            ("localhost:7700", "http://localhost:7700", true),
            ("localhost:7700", "http://localhost:8080", false),
            ("localhost:7700", "https://evil.example", false),
            ("localhost:7700", "null", false),
            ("evil.example:7700", "http://evil.example:7700", false),
        ];
        for (host, origin, is_in) in table {
            assert_eq!(is_let_in(host, origin, true), is_in, "{host} {origin}");
        }
    }

    #[test]
    fn elsewhere_by_any_name_and_still_not_for_other_sites() {
        assert!(is_let_in("quota.internal:7700", "", false));
        assert!(is_let_in("quota.internal:7700", "http://quota.internal:7700", false));
        assert!(!is_let_in("quota.internal:7700", "https://evil.example", false));
    }
}
