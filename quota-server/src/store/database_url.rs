use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::ledger::journaled::JournalError;
use crate::password::PasswordSource;
use crate::secret_file::UselessSource;

/// Where PostgreSQL is, and where its password comes from if that is not in the URL. It is asked
/// for at each connection.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: String,
    password: Option<PasswordSource>,
}

impl DatabaseUrl {
    /// `postgres://user@host:port/database`, and where the user's password comes from.
    pub fn new(url: impl Into<String>, password: Option<PasswordSource>) -> Self {
        Self { url: url.into(), password }
    }

    /// Whether the password can be told, as far as that shows without running a command.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self) -> Result<(), UselessSource> {
        self.password.as_ref().map_or(Ok(()), PasswordSource::check)
    }

    /// The URL, without a password that comes from elsewhere.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn bare(&self) -> Result<Url, JournalError> {
        let url = Url::parse(&self.url).map_err(JournalError::new)?;
        if self.password.is_some() && !url.has_host() {
            return Err(JournalError::new("a URL without a host has no password"));
        }
        Ok(url)
    }

    /// The URL with the password of now.
    ///
    /// # Errors
    /// It is none, or the password cannot be told.
    pub(super) async fn url(&self) -> Result<Url, JournalError> {
        let mut url = self.bare()?;
        if let Some(source) = &self.password {
            let password = source.password().await.map_err(JournalError::new)?;
            // What is encoded is left as it is by what sets it.
            let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC).to_string();
            url.set_password(Some(&encoded))
                .map_err(|()| JournalError::new("a URL without a host has no password"))?;
        }
        Ok(url)
    }

    /// Where the password comes from, if it can change.
    pub(super) const fn source(&self) -> Option<&PasswordSource> {
        self.password.as_ref()
    }
}

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self::new(url, None)
    }
}

impl From<&String> for DatabaseUrl {
    fn from(url: &String) -> Self {
        Self::new(url, None)
    }
}

/// There may be a password in it.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_password_is_what_its_file_says_now() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("password");
        let database = DatabaseUrl::new(
            "postgres://me@h:5432/quota",
            Some(PasswordSource::File(file.clone())),
        );
        assert!(database.url().await.unwrap_err().to_string().contains("password"));
        for (text, url) in [
            ("hush\n", "postgres://me:hush@h:5432/quota"),
            ("a@b/%", "postgres://me:a%40b%2F%25@h:5432/quota"),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(database.url().await.unwrap().as_str(), url);
        }
        assert!(!format!("{database:?}").contains("hush"));
        std::fs::write(&file, "\n").unwrap();
        assert!(database.url().await.unwrap_err().to_string().contains("nothing in it"));
    }
}
