//! Whom to trust, and what to show of oneself, over TLS: files, which may change while the client
//! runs.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use reqwest::{Certificate, ClientBuilder, Identity};

use crate::BuildError;

/// The files; without any, the system's authorities are trusted and nothing is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    /// Authorities to trust instead of the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// A certificate to show, and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// What tells a file from the one before it. Mounted secrets change by a link to another file.
pub(super) type Stamp = Vec<Option<(SystemTime, u64)>>;

impl Trust {
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let identity = self.identity.iter().flat_map(|(cert, key)| [cert, key]);
        self.ca_file.iter().chain(identity)
    }

    pub(super) fn stamp(&self) -> Stamp {
        let stamp = |file: &PathBuf| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        self.files().map(stamp).collect()
    }

    pub(super) fn read(&self) -> Result<Trusted, BuildError> {
        let ca_file = self.ca_file.as_deref();
        let authorities = ca_file.map(authorities).transpose()?;
        let identity = self.identity.as_ref().map(|(cert, key)| identity(cert, key)).transpose()?;
        Ok(Trusted { authorities, identity })
    }
}

/// What the files said when they were last whole.
#[derive(Debug)]
pub(super) struct Trusted {
    authorities: Option<Vec<Certificate>>,
    identity: Option<Identity>,
}

impl Trusted {
    /// A client for HTTPS.
    pub(super) fn apply(&self, mut builder: ClientBuilder) -> ClientBuilder {
        if let Some(authorities) = &self.authorities {
            builder = builder.tls_certs_only(authorities.clone());
        }
        match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        }
    }
}

fn authorities(file: &Path) -> Result<Vec<Certificate>, BuildError> {
    let all = Certificate::from_pem_bundle(&bytes(file)?).map_err(|error| wrong(file, &error))?;
    if all.is_empty() { Err(wrong(file, &"there is no PEM certificate in it")) } else { Ok(all) }
}

fn identity(cert: &Path, key: &Path) -> Result<Identity, BuildError> {
    let mut pem = bytes(key)?;
    pem.push(b'\n');
    pem.extend(bytes(cert)?);
    Identity::from_pem(&pem).map_err(|error| wrong(cert, &error))
}

fn bytes(file: &Path) -> Result<Vec<u8>, BuildError> {
    std::fs::read(file).map_err(|error| wrong(file, &error))
}

fn wrong(file: &Path, why: &dyn ToString) -> BuildError {
    BuildError::TlsFile { file: file.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_none_is_named() {
        let none = PathBuf::from("/no/such.pem");
        let manifest = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        for (ca_file, identity, named) in [
            (Some(none.clone()), None, "/no/such.pem"),
            (Some(manifest.clone()), None, "Cargo.toml"),
            (None, Some((manifest.clone(), none)), "/no/such.pem"),
            (None, Some((manifest.clone(), manifest)), "Cargo.toml"),
        ] {
            let error = Trust { ca_file, identity }.read().map(drop).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
        Trust::default().read().unwrap();
    }
}
