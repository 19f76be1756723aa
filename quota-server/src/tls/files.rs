use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edge::certificate;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::config::{ClientAuth, TlsConfig};
use crate::mistake::Mistake;

/// What the files are made into.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) config: Arc<ServerConfig>,
    /// When the first of the certificates that are shown ends, s since 1970.
    pub(super) ends_at_s: i64,
}

/// The files that TLS is made of.
pub(super) struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<(PathBuf, ClientAuth)>,
}

impl Files {
    pub(super) fn of(config: &TlsConfig) -> Result<Option<Self>, Mistake> {
        let missing = |flag| Err(Mistake::at("tls", format!("`{flag}` must be set too")));
        match (&config.tls_cert, &config.tls_key) {
            (Some(cert), Some(key)) => {
                let client_ca = config.tls_client_ca.clone();
                let client_ca = client_ca.map(|path| (path, config.tls_client_auth));
                Ok(Some(Self { cert: cert.clone(), key: key.clone(), client_ca }))
            }
            (None, Some(_)) => missing("tls_cert"),
            (Some(_), None) => missing("tls_key"),
            (None, None) if config.tls_client_ca.is_some() => missing("tls_cert"),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn all(&self) -> Vec<PathBuf> {
        let client_ca = self.client_ca.as_ref().map(|(path, _)| path);
        [&self.cert, &self.key].into_iter().chain(client_ca).cloned().collect()
    }

    /// What they say now.
    pub(super) fn read(&self) -> Result<Handshake, Mistake> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&self.cert, &error))?;
        let config = match &self.client_ca {
            Some((path, auth)) => {
                config.with_client_cert_verifier(verifier(path, *auth, provider)?)
            }
            None => config.with_no_client_auth(),
        };
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unread(&self.key, error))?;
        let chain = certificates(&self.cert)?;
        let ends_at_s =
            certificate::ends_at_s(&chain).map_err(|error| wrong(&self.cert, &error))?;
        let mut config =
            config.with_single_cert(chain, key).map_err(|error| wrong(&self.cert, &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Handshake { config: Arc::new(config), ends_at_s })
    }
}

fn verifier(
    path: &Path,
    auth: ClientAuth,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Mistake> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path)? {
        roots.add(authority).map_err(|error| wrong(path, &error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match auth {
        ClientAuth::Required => builder,
        ClientAuth::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| wrong(path, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Mistake> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match all {
        Ok(all) if all.is_empty() => Err(wrong(path, &"there is no PEM certificate in it")),
        Ok(all) => Ok(all),
        Err(error) => Err(unread(path, error)),
    }
}

fn unread(path: &Path, error: pem::Error) -> Mistake {
    match error {
        pem::Error::Io(error) => Mistake::unreadable(path, &error),
        pem::Error::NoItemsFound => wrong(path, &"there is no PEM private key in it"),
        error => wrong(path, &error),
    }
}

fn wrong(path: &Path, what: &dyn ToString) -> Mistake {
    Mistake::at(path.display().to_string(), what.to_string())
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {}", self.cert.display())?;
        match &self.client_ca {
            Some((path, auth)) => write!(f, ", of clients by {} ({auth})", path.display()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::Authority;

    #[test]
    fn the_end_is_that_of_the_first_certificate_that_ends() {
        let folder = tempfile::tempdir().unwrap();
        let config = Authority::new().server(folder.path());
        let ending = |year| {
            let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 5, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
        };
        let (leaf, key) = ending(2032);
        std::fs::write(folder.path().join("server.pem"), leaf + &ending(2031).0).unwrap();
        std::fs::write(folder.path().join("server.key"), key).unwrap();
        let handshake = Files::of(&config).unwrap().unwrap().read().unwrap();
        assert_eq!(handshake.ends_at_s, 1_935_360_000);
    }

    #[test]
    fn mistakes_say_in_which_file_they_are() {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let config = authority.server(folder.path());
        let files = Files::of(&config).unwrap().unwrap();
        files.read().unwrap();
        let at = |name: &str| folder.path().join(name);
        let good = std::fs::read(at("server.pem")).unwrap();
        for (file, content, what) in [
            ("server.pem", Some("nothing"), "no PEM certificate"),
            ("server.pem", None, "No such file"),
            ("server.key", Some("nothing"), "no PEM private key"),
            ("server.key", Some(&*authority.leaf("other").1), "key"),
            ("ca.pem", Some(""), "no PEM certificate"),
        ] {
            let before = std::fs::read(at(file)).unwrap();
            match content {
                Some(content) => std::fs::write(at(file), content).unwrap(),
                None => std::fs::remove_file(at(file)).unwrap(),
            }
            let mistake = files.read().unwrap_err();
            assert!(mistake.place.contains("server") || mistake.place.contains(file), "{mistake}");
            assert!(mistake.what.to_lowercase().contains(&what.to_lowercase()), "{mistake}");
            std::fs::write(at(file), before).unwrap();
        }
        assert_eq!(std::fs::read(at("server.pem")).unwrap(), good);
        files.read().unwrap();
    }

    #[test]
    fn a_part_alone_is_a_mistake() {
        let some = || Some(PathBuf::from("x.pem"));
        let none = TlsConfig::default();
        assert!(Files::of(&none).unwrap().is_none());
        for half in [
            TlsConfig { tls_cert: some(), ..none.clone() },
            TlsConfig { tls_key: some(), ..none.clone() },
            TlsConfig { tls_client_ca: some(), ..none },
        ] {
            assert!(Files::of(&half).map(drop).unwrap_err().what.contains("must be set too"));
        }
    }
}
