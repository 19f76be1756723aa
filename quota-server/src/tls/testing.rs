//! An authority of a test's own.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

use crate::config::TlsConfig;

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of this name, which is a URI if it looks like one, and its key.
    pub(crate) fn leaf(&self, name: &str) -> (String, String) {
        let name = if name.contains("://") {
            SanType::URI(name.try_into().unwrap())
        } else {
            SanType::DnsName(name.try_into().unwrap())
        };
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names.push(name);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// Files of a server at `localhost` that takes certificates of this authority.
    pub(crate) fn server(&self, folder: &Path) -> TlsConfig {
        let (cert, key) = self.leaf("localhost");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        TlsConfig {
            tls_cert: write("server.pem", &cert),
            tls_key: write("server.key", &key),
            tls_client_ca: write("ca.pem", &self.pem()),
            ..TlsConfig::default()
        }
    }
}
