//! The gateway's own certificate. Its files are looked at before each handshake, and now and then
//! while nobody comes, and read again when they have changed; what is open goes on.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use edge::certificate;
use edge::listener::Encryption;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Between two looks at the files while nobody comes.
const LOOK: Duration = Duration::from_secs(5);

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
    now: Mutex<(Stamp, Handshake)>,
}

/// What the files are made into.
struct Handshake {
    config: Arc<ServerConfig>,
    /// When the first of the certificates that are shown ends, s since 1970.
    ends_at_s: i64,
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
    pub(crate) fn encryption(self: Arc<Self>) -> Encryption {
        Encryption { config: Box::new(move || self.config()), handshake: HANDSHAKE }
    }

    /// Tells when what is shown ends, until the stop.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut beat = tokio::time::interval(LOOK);
        while stop.run_until_cancelled(beat.tick()).await.is_some() {
            self.tell();
        }
    }

    fn tell(&self) {
        metrics::certificate_ends(self.look().1.ends_at_s);
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.look().1.config)
    }

    /// What the files say now; while they say nothing that is of use, what they said before.
    fn look(&self) -> MutexGuard<'_, (Stamp, Handshake)> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.cert, &self.key);
        if stamp != now.0 {
            now.0 = stamp;
            match read(&self.cert, &self.key) {
                Ok(handshake) => now.1 = handshake,
                Err(error) => tracing::error!(%error, "the certificate before it goes on"),
            }
        }
        now
    }
}

fn stamp(cert: &Path, key: &Path) -> Stamp {
    [cert, key].map(|file| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn read(cert: &Path, key: &Path) -> Result<Handshake, TlsFile> {
    let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<_, _>>);
    let chain: Vec<_> = chain.map_err(|error| wrong(cert, &error))?;
    let ends_at_s = certificate::ends_at_s(&chain).map_err(|error| wrong(cert, &error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|error| wrong(cert, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Handshake { config: Arc::new(config), ends_at_s })
}

fn wrong(file: &Path, why: &dyn Display) -> TlsFile {
    TlsFile { file: file.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE_END: &str = "openai_gateway_certificate_end_timestamp_seconds";

    /// Both files, of a certificate that ends then.
    fn ending(year: i32, cert: &Path, key: &Path) {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 5, 1);
        let secret = rcgen::KeyPair::generate().unwrap();
        std::fs::write(cert, params.self_signed(&secret).unwrap().pem()).unwrap();
        std::fs::write(key, secret.serialize_pem()).unwrap();
    }

    #[test]
    fn the_metric_tells_the_end_of_what_is_shown_though_nobody_comes() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        ending(2031, &cert, &key);
        let tls = Tls::open(&cert, &key).unwrap();
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let told = || {
            ::metrics::with_local_recorder(&recorder, || tls.tell());
            recorder.handle().render()
        };
        let line = |ends: &str| format!("{CERTIFICATE_END} {ends}\n");
        assert!(told().contains(&line("1935360000")));
        ending(2032, &cert, &key);
        std::fs::write(&key, "half a fi").unwrap();
        assert!(told().contains(&line("1935360000")), "the one before it goes on");
        ending(2032, &cert, &key);
        assert!(told().contains(&line("1966982400")));
    }
}
