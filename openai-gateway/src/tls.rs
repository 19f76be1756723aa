//! The gateway's own certificate. Its files are looked at before each handshake and read again when they have
//! changed; what is open goes on.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use edge::listener::Encryption;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What tells a file from the one before it.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// A file of no use.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct TlsFile {
    file: PathBuf,
    why: String,
}

/// What handshakes are made with.
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    now: Mutex<(Stamp, Arc<ServerConfig>)>,
}

impl Tls {
    /// Of these PEM files.
    ///
    /// # Errors
    /// One of them is of no use.
    pub(crate) fn open(cert: &Path, key: &Path) -> Result<Self, TlsFile> {
        let now = Mutex::new((stamp(cert, key), read(cert, key)?));
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), now })
    }

    /// How connections are encrypted.
    pub(crate) fn encryption(self) -> Encryption {
        Encryption { config: Box::new(move || self.config()), handshake: HANDSHAKE }
    }

    fn config(&self) -> Arc<ServerConfig> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.cert, &self.key);
        if stamp != now.0 {
            now.0 = stamp;
            match read(&self.cert, &self.key) {
                Ok(config) => now.1 = config,
                Err(error) => tracing::error!(%error, "the certificate before it goes on"),
            }
        }
        Arc::clone(&now.1)
    }
}

fn stamp(cert: &Path, key: &Path) -> Stamp {
    [cert, key].map(|file| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsFile> {
    let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<_, _>>);
    let chain: Vec<_> = chain.map_err(|error| wrong(cert, &error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|error| wrong(cert, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn wrong(file: &Path, why: &dyn Display) -> TlsFile {
    TlsFile { file: file.to_owned(), why: why.to_string() }
}
