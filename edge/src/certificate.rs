//! The certificates that a process shows.

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::error::X509Error;

/// When the first of these certificates ends, s since 1970; 0 where there is none.
///
/// # Errors
/// One of them is none.
pub fn ends_at_s(chain: &[CertificateDer<'_>]) -> Result<i64, X509Error> {
    let end = |certificate: &CertificateDer<'_>| {
        let (_rest, parsed) = x509_parser::parse_x509_certificate(certificate)?;
        Ok(parsed.validity().not_after.timestamp())
    };
    let ends = chain.iter().map(end).collect::<Result<Vec<_>, X509Error>>()?;
    Ok(ends.into_iter().min().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(year: i32) -> CertificateDer<'static> {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 5, 1);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().into()
    }

    #[test]
    fn the_end_is_that_of_the_first_that_ends() {
        assert_eq!(ends_at_s(&[ending(2032), ending(2031), ending(2033)]).unwrap(), 1_935_360_000);
        assert_eq!(ends_at_s(&[]).unwrap(), 0);
        assert!(ends_at_s(&[CertificateDer::from_slice(b"nothing")]).is_err());
    }
}
