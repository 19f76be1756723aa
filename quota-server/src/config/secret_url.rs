use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::mistake::Mistake;

/// A URL that may hold a password, which it never shows. That it is one is checked by
/// [`SecretUrl::url`], not while flags are read: clap repeats a value that it refuses.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The URL, with one of these schemes.
    ///
    /// # Errors
    /// It is none.
    pub fn url(&self, setting: &str, schemes: &[&str]) -> Result<Url, Mistake> {
        let url = Url::parse(&self.0)
            .map_err(|error| Mistake::at(setting, format!("this is no URL: {error}")))?;
        if !schemes.contains(&url.scheme()) {
            let what = format!("the URL must begin with `{}://`", schemes.join("://` or `"));
            return Err(Mistake::at(setting, what));
        }
        Ok(url)
    }

    /// All of it, with its password: for who connects.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is a password in it.
    pub(crate) fn has_password(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| {
            url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password")
        })
    }
}

impl FromStr for SecretUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// Without credentials and parameters.
impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(mut url) = Url::parse(&self.0) else { return f.write_str("(no URL)") };
        // Both fail only for a URL that cannot have them.
        let _none = url.set_password(None);
        url.set_query(None);
        write!(f, "{url}")
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for text in ["postgres://me:hush@h:5/db", "postgres://me@h:5/db?password=hush", "hush"] {
            let url: SecretUrl = text.parse().unwrap();
            assert!(!format!("{url} {url:?}").contains("hush"), "{url}");
            assert_eq!(url.reveal(), text);
        }
        let url: SecretUrl = "postgres://me@h:5/db".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://me@h:5/db");
        assert!(!url.has_password());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for text in ["hush", "mysql://me:hush@h/db"] {
            let url: SecretUrl = text.parse().unwrap();
            let mistake = url.url("database_url", &["postgres", "postgresql"]).unwrap_err();
            assert!(!mistake.to_string().contains("hush"), "{mistake}");
        }
    }
}
