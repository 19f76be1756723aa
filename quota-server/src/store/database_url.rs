use std::fmt;
use std::path::PathBuf;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::ledger::journaled::JournalError;
use crate::secret_file::{self, UselessFile};

/// Where PostgreSQL is, and the file of its password if that is not in the URL. The file is read
/// for each connection.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: String,
    password_file: Option<PathBuf>,
}

impl DatabaseUrl {
    /// `postgres://user@host:port/database`, and the file of the user's password.
    pub fn new(url: impl Into<String>, password_file: Option<PathBuf>) -> Self {
        Self { url: url.into(), password_file }
    }

    /// What the file says now; `None`: there is none.
    ///
    /// # Errors
    /// It is of no use.
    pub fn password(&self) -> Result<Option<String>, UselessFile> {
        self.password_file.as_deref().map(secret_file::password).transpose()
    }

    /// The URL with the password of now.
    ///
    /// # Errors
    /// It is none, or the file cannot be read.
    pub(super) fn url(&self) -> Result<Url, JournalError> {
        let mut url = Url::parse(&self.url).map_err(JournalError::new)?;
        if let Some(password) = self.password().map_err(JournalError::new)? {
            // What is encoded is left as it is by what sets it.
            let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC).to_string();
            url.set_password(Some(&encoded))
                .map_err(|()| JournalError::new("a URL without a host has no password"))?;
        }
        Ok(url)
    }

    /// Whether what it says can change.
    pub(super) const fn may_change(&self) -> bool {
        self.password_file.is_some()
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

    #[test]
    fn the_password_is_what_its_file_says_now() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("password");
        let database = DatabaseUrl::new("postgres://me@h:5432/quota", Some(file.clone()));
        assert!(database.url().unwrap_err().to_string().contains("password"));
        for (text, url) in [
            ("hush\n", "postgres://me:hush@h:5432/quota"),
            ("a@b/%", "postgres://me:a%40b%2F%25@h:5432/quota"),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(database.url().unwrap().as_str(), url);
        }
        assert!(!format!("{database:?}").contains("hush"));
        std::fs::write(&file, "\n").unwrap();
        assert!(database.url().unwrap_err().to_string().contains("nothing in it"));
    }
}
