//! How connections to Redis and to Sentinel are encrypted, and how they log in. Files are read
//! again and commands run again for each connection, so what a Vault agent or a mounted secret puts
//! there, and what a token has become, holds for the next one, without a restart.

use std::fmt;
use std::path::{Path, PathBuf};

use redis::{ClientTlsConfig, ErrorKind, RedisConnectionInfo, RedisError, TlsCertificates};

use super::address::RedisAddress;
use crate::password::{PasswordSource, off_the_runtime};
use crate::secret_file::{self, UselessSource};

/// What a certificate begins with.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Where the secrets are that the address does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisFiles {
    /// Redis's password, in place of one in the address.
    pub password: Option<PasswordSource>,
    /// The user that Sentinel wants, if it wants one.
    pub sentinel_user: Option<String>,
    /// Sentinel's password.
    pub sentinel_password: Option<PasswordSource>,
    /// The authorities to trust instead of the system's, in PEM.
    pub authorities: Option<PathBuf>,
    /// What Redis and Sentinel are shown, in PEM: the certificate with those between it and its
    /// authority, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl RedisFiles {
    /// Reads the files once, as each connection will; no command is run.
    pub(super) fn check(&self) -> Result<(), UselessSource> {
        for source in [&self.password, &self.sentinel_password].into_iter().flatten() {
            source.check()?;
        }
        for pem in self.authorities.iter().chain(self.certificate.as_ref().map(|(pem, _)| pem)) {
            certificates(pem)?;
        }
        self.certificate.as_ref().map_or(Ok(()), |(_, key)| secret_file::bytes(key).map(drop))
    }

    /// Whether to read all of it again costs a process.
    pub(super) fn are_costly(&self) -> bool {
        [&self.password, &self.sentinel_password]
            .into_iter()
            .flatten()
            .any(PasswordSource::is_costly)
    }
}

/// What one connection is opened with.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    user: Option<String>,
    password: Option<String>,
    sentinel_user: Option<String>,
    sentinel_password: Option<String>,
    encrypted: bool,
    authorities: Option<Vec<u8>>,
    certificate: Option<(Vec<u8>, Vec<u8>)>,
}

impl Login {
    /// As the files are now, and what the commands print.
    pub(super) async fn read(address: &RedisAddress) -> Result<Self, UselessSource> {
        let files = address.files();
        let (user, password) = address.user_and_password();
        let own = |text: &str| Some(text.to_owned());
        Ok(Self {
            user: user.and_then(own),
            password: secret(files.password.as_ref()).await?.or_else(|| password.and_then(own)),
            sentinel_user: files.sentinel_user.clone(),
            sentinel_password: secret(files.sentinel_password.as_ref()).await?,
            encrypted: address.is_encrypted(),
            authorities: match &files.authorities {
                Some(authorities) => Some(off_the_runtime(authorities, certificates).await?),
                None => None,
            },
            certificate: match &files.certificate {
                Some((certificate, key)) => Some((
                    off_the_runtime(certificate, certificates).await?,
                    off_the_runtime(key, secret_file::bytes).await?,
                )),
                None => None,
            },
        })
    }

    /// For Redis.
    pub(super) fn of_redis(&self) -> RedisConnectionInfo {
        login(self.user.as_deref(), self.password.as_deref())
    }

    pub(super) fn user_and_password(&self) -> (Option<&str>, Option<&str>) {
        (self.user.as_deref(), self.password.as_deref())
    }

    pub(super) fn sentinel_user_and_password(&self) -> (Option<&str>, Option<&str>) {
        (self.sentinel_user.as_deref(), self.sentinel_password.as_deref())
    }

    /// Whom to trust and what to show, where it is encrypted.
    pub(super) fn certificates(&self) -> Option<TlsCertificates> {
        let shown = self.certificate.clone();
        let client_tls =
            shown.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        let root_cert = self.authorities.clone();
        self.encrypted.then_some(TlsCertificates { client_tls, root_cert })
    }
}

/// There are secrets in it.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl From<UselessSource> for RedisError {
    fn from(file: UselessSource) -> Self {
        (ErrorKind::InvalidClientConfig, "a file is of no use", file.to_string()).into()
    }
}

fn login(user: Option<&str>, password: Option<&str>) -> RedisConnectionInfo {
    let mut login = RedisConnectionInfo::default();
    if let Some(user) = user {
        login = login.set_username(user);
    }
    if let Some(password) = password {
        login = login.set_password(password);
    }
    login
}

async fn secret(source: Option<&PasswordSource>) -> Result<Option<String>, UselessSource> {
    match source {
        Some(source) => source.password().await.map(Some),
        None => Ok(None),
    }
}

fn certificates(path: &Path) -> Result<Vec<u8>, UselessSource> {
    let pem = secret_file::bytes(path)?;
    if pem.windows(CERTIFICATE.len()).any(|text| text == CERTIFICATE) {
        return Ok(pem);
    }
    Err(UselessSource::new(path, "there is no PEM certificate in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(password: &Path) -> RedisAddress {
        let files = RedisFiles {
            password: Some(PasswordSource::File(password.to_owned())),
            ..RedisFiles::default()
        };
        "redis://quota@h:1".parse::<RedisAddress>().unwrap().with_files(files)
    }

    #[tokio::test]
    async fn a_password_is_what_its_file_says_now() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("password");
        for (text, password) in [("hush\n", "hush"), ("hush two", "hush two"), (" a\r\n", " a")] {
            std::fs::write(&file, text).unwrap();
            let login = Login::read(&address(&file)).await.unwrap();
            assert_eq!(login.user_and_password(), (Some("quota"), Some(password)));
            assert!(!format!("{login:?}").contains("hush"));
        }
    }

    #[tokio::test]
    async fn a_file_that_is_of_no_use_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("password");
        let wrong = Login::read(&address(&file)).await.unwrap_err().to_string();
        assert!(wrong.starts_with(&file.display().to_string()), "{wrong}");
        std::fs::write(&file, "\n").unwrap();
        let wrong = Login::read(&address(&file)).await.unwrap_err().to_string();
        assert!(wrong.ends_with("there is nothing in it"), "{wrong}");
        std::fs::write(&file, "hush").unwrap();
        let authorities = Some(file);
        let files = RedisFiles { authorities, ..RedisFiles::default() };
        let address = "rediss://h:1".parse::<RedisAddress>().unwrap().with_files(files);
        let wrong = Login::read(&address).await.unwrap_err().to_string();
        assert!(wrong.ends_with("there is no PEM certificate in it"), "{wrong}");
    }
}
