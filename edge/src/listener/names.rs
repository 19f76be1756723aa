use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The DNS names and URIs among the certificate's subject alternative names. Its common name is
/// none of them: nobody says of what kind it is.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    let names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
    names.map(str::to_owned).collect()
}
