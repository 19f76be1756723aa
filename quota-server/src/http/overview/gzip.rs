//! An overview of many deployments says the same words for each: compressed it is a tenth.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Fast rather than small: it is made anew twice a second.
pub(super) fn of(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.expect("a vector takes all that is written").into()
}

/// Whether the reader takes it (RFC 9110 section 12.5.3).
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse() != Ok(0.0)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn it_is_read_back() {
        let body = r#"{"tokens":0,"requests":0}"#.repeat(1_000);
        let packed = of(body.as_bytes());
        assert!(packed.len() * 10 < body.len(), "{}", packed.len());
        let mut read = String::new();
        GzDecoder::new(&packed[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, body);
    }

    #[test]
    fn who_takes_it() {
        for (said, takes) in [
            ("gzip, deflate, br", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, said.parse().unwrap())]);
            assert_eq!(is_accepted(&headers), takes, "{said}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
