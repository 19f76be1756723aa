//! An authority of a test's own.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};

use crate::config::TlsConfig;

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of this name, a URI or an address if it looks like one, and its key.
    pub(crate) fn leaf(&self, name: &str) -> (String, String) {
        let name = match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) if name.contains("://") => SanType::URI(name.try_into().unwrap()),
            Err(_) => SanType::DnsName(name.try_into().unwrap()),
        };
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names.push(name);
        // One that is called as its authority counts as self-signed with OpenSSL.
        params.distinguished_name.push(DnType::CommonName, "leaf");
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// Files of a server at `localhost` that takes certificates of this authority.
    pub(crate) fn server(&self, folder: &Path) -> TlsConfig {
        let [cert, key, ca] = self.files("localhost", folder);
        TlsConfig {
            tls_cert: Some(cert),
            tls_key: Some(key),
            tls_client_ca: Some(ca),
            ..TlsConfig::default()
        }
    }

    /// `server.pem`, `server.key` and `ca.pem` of a server of this name.
    pub(crate) fn files(&self, name: &str, folder: &Path) -> [PathBuf; 3] {
        let (cert, key) = self.leaf(name);
        [("server.pem", cert), ("server.key", key), ("ca.pem", self.pem())].map(|(file, text)| {
            let path = folder.join(file);
            std::fs::write(&path, text).unwrap();
            path
        })
    }
}
