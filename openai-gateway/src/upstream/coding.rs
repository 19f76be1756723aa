//! Content codings: providers are asked for none, and some compress all the same.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// Undoes what an answer is coded with, piece by piece.
pub(super) enum Decoder {
    /// Not coded, or in a way that isn't known here: then the caller gets it as it is, with its
    /// header, and nobody reads a usage in it.
    None,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Deflate(Box<ZlibDecoder<Vec<u8>>>),
}

impl Decoder {
    /// For an answer with these headers; they no longer name what it undoes.
    pub(super) fn of(headers: &mut HeaderMap) -> Self {
        let coding = headers.get(CONTENT_ENCODING).map(|coding| coding.as_bytes().trim_ascii());
        let is =
            |name: &str| coding.is_some_and(|coding| coding.eq_ignore_ascii_case(name.as_bytes()));
        let decoder = if is("gzip") || is("x-gzip") {
            Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
        } else if is("deflate") {
            Self::Deflate(Box::new(ZlibDecoder::new(Vec::new())))
        } else {
            return Self::None;
        };
        headers.remove(CONTENT_ENCODING);
        decoder
    }

    /// What a piece of the answer adds. A piece of 64 KiB, as they come, becomes 64 MiB at most.
    pub(super) fn decode(&mut self, piece: Bytes) -> io::Result<Bytes> {
        match self {
            Self::None => Ok(piece),
            Self::Gzip(gzip) => {
                gzip.write_all(&piece)?;
                gzip.flush()?;
                Ok(std::mem::take(gzip.get_mut()).into())
            }
            Self::Deflate(zlib) => {
                zlib.write_all(&piece)?;
                zlib.flush()?;
                Ok(std::mem::take(zlib.get_mut()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"data: {\"a\":1}\n\ndata: [DONE]\n\n";

    fn decoded(coding: &'static str, coded: &[u8]) -> (Vec<u8>, HeaderMap) {
        let mut headers = HeaderMap::from_iter([(CONTENT_ENCODING, coding.parse().unwrap())]);
        let mut decoder = Decoder::of(&mut headers);
        let mut all = Vec::new();
        for piece in coded.chunks(3) {
            all.extend(decoder.decode(Bytes::copy_from_slice(piece)).unwrap());
        }
        (all, headers)
    }

    #[test]
    fn what_is_known_is_undone_however_it_is_cut() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(TEXT).unwrap();
        let (text, headers) = decoded("GZip", &gzip.finish().unwrap());
        assert!(text == TEXT && headers.is_empty());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(TEXT).unwrap();
        assert_eq!(decoded("deflate", &zlib.finish().unwrap()).0, TEXT);
    }

    #[test]
    fn what_is_not_stays_as_it_is_with_its_name() {
        let (text, headers) = decoded("br", TEXT);
        assert!(text == TEXT && headers["content-encoding"] == "br");
    }

    #[test]
    fn each_piece_says_all_that_it_can() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(TEXT).unwrap();
        gzip.flush().unwrap();
        let mut headers = HeaderMap::from_iter([(CONTENT_ENCODING, "gzip".parse().unwrap())]);
        let mut decoder = Decoder::of(&mut headers);
        assert_eq!(decoder.decode(gzip.get_ref().clone().into()).unwrap(), TEXT);
        assert!(decoder.decode(Bytes::from_static(b"\xff\xff\xff\xff\xff")).is_err());
    }
}
