//! `x-request-id`: taken from the caller, or made.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST_BYTES: usize = 128;

/// Makes names for requests: one part random for each start of the server, one part counted.
#[derive(Debug)]
pub struct RequestIds {
    start: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Names of a start with this random part.
    #[must_use]
    pub const fn new(start: u64) -> Self {
        Self { start, next: AtomicU64::new(1) }
    }

    /// The caller's name for its request, if it gave one that can be repeated, or a new one.
    #[must_use]
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get(X_REQUEST_ID);
        given.filter(|id| is_usable(id)).cloned().unwrap_or_else(|| self.make())
    }

    fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{number}", self.start);
        HeaderValue::from_maybe_shared(bytes::Bytes::from(id)).expect("hex digits and a dash")
    }
}

fn is_usable(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    !id.is_empty() && id.len() <= LONGEST_BYTES && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_or_made() {
        let ids = RequestIds::new(0xabc);
        let of = |given: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
            ids.of(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(of(b"r-1"), "r-1");
        assert_eq!(of(&[b'x'; 128]), "x".repeat(128));
        assert_eq!(of(b""), "0000000000000abc-1");
        assert_eq!(of(&[b'x'; 129]), "0000000000000abc-2");
        assert_eq!(of(b"two words"), "0000000000000abc-3");
        assert_eq!(of("\u{e4}".as_bytes()), "0000000000000abc-4");
        assert_eq!(ids.of(&HeaderMap::new()), "0000000000000abc-5");
    }
}
