//! An authority of certificates of a test's own.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

use super::{HarnessError, process::write};
use crate::clock;

/// Signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// PEM files of a certificate, of its key, and of the authority that signed it.
#[derive(Debug, Clone)]
pub struct Papers {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority.
    pub ca: PathBuf,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self, HarnessError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Writes papers into a folder: for an address or a DNS name. What was there is replaced.
    ///
    /// # Errors
    /// It is neither, or the files cannot be written.
    pub fn papers(&self, folder: &Path, name: &str) -> Result<Papers, HarnessError> {
        self.write(folder, name, CertificateParams::new(Vec::new())?)
    }

    /// The same, of a certificate that ends in so long.
    ///
    /// # Errors
    /// As [`Self::papers`].
    pub fn papers_for(
        &self,
        folder: &Path,
        name: &str,
        life: Duration,
    ) -> Result<Papers, HarnessError> {
        let mut params = CertificateParams::new(Vec::new())?;
        let now = UNIX_EPOCH + Duration::from_millis(clock::unix_ms());
        params.not_after = (now + life).into();
        self.write(folder, name, params)
    }

    fn write(
        &self,
        folder: &Path,
        name: &str,
        mut params: CertificateParams,
    ) -> Result<Papers, HarnessError> {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into()?),
        });
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &self.0)?;
        let at = |kind: &str| folder.join(format!("{name}.{kind}"));
        let papers = Papers { cert: at("pem"), key: at("key"), ca: at("ca.pem") };
        write(&papers.cert, &cert.pem())?;
        write(&papers.key, &key.serialize_pem())?;
        write(&papers.ca, &self.0.pem())?;
        Ok(papers)
    }
}
