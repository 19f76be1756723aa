use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::value_parser;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity};
use url::Url;

use super::Refusal;
use super::call::AskedServer;
use crate::mistake::Mistake;

/// Which server, and as whom.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "server")]
pub struct ServerArgs {
    /// Where the server is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7700", env = "QUOTA_URL",
          hide_env_values = true, value_parser = server_url)]
    url: Url,
    /// File with the token, and nothing else; without it the token is QUOTA_TOKEN
    #[arg(long, value_name = "FILE", env = "QUOTA_TOKEN_FILE", hide_env_values = true)]
    token_file: Option<PathBuf>,
    /// PEM file of the authorities that the server's certificate may be of, instead of the system's
    #[arg(long, value_name = "FILE", env = "QUOTA_CA_FILE", hide_env_values = true)]
    ca_file: Option<PathBuf>,
    /// PEM file of a certificate to show to the server
    #[arg(
        long,
        value_name = "FILE",
        env = "QUOTA_CLIENT_CERT_FILE",
        hide_env_values = true,
        requires = "client_key_file"
    )]
    client_cert_file: Option<PathBuf>,
    /// PEM file of that certificate's key
    #[arg(
        long,
        value_name = "FILE",
        env = "QUOTA_CLIENT_KEY_FILE",
        hide_env_values = true,
        requires = "client_cert_file"
    )]
    client_key_file: Option<PathBuf>,
    /// How long an answer may take
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..=600_000))]
    timeout_ms: u64,
}

impl ServerArgs {
    /// Ready to be asked.
    ///
    /// # Errors
    /// A file that cannot be read, or a token that is none.
    pub(super) fn server(
        &self,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<AskedServer, Refusal> {
        let token = self.token(env)?;
        let has_token = token.is_some();
        Ok(AskedServer { url: self.url.clone(), http: self.client(token)?, has_token })
    }

    fn token(&self, env: impl Fn(&str) -> Option<String>) -> Result<Option<HeaderValue>, Mistake> {
        let (place, text) = match &self.token_file {
            Some(path) => (path.display().to_string(), Some(read(path)?)),
            None => ("environment: QUOTA_TOKEN".to_owned(), env("QUOTA_TOKEN")),
        };
        let Some(text) = text else { return Ok(None) };
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Mistake::at(place, "a token is one word of visible ASCII characters"));
        }
        let header = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut header = header.map_err(|error| Mistake::at(place, error.to_string()))?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    /// Straight to the server: a proxy from the environment is meant for other traffic. Redirects
    /// are followed by hand, since the token must go along to the active server.
    fn client(&self, token: Option<HeaderValue>) -> Result<Client, Mistake> {
        let headers = token.map(|token| (AUTHORIZATION, token));
        let mut builder = Client::builder()
            .default_headers(HeaderMap::from_iter(headers))
            .timeout(Duration::from_millis(self.timeout_ms))
            .redirect(Policy::none())
            .no_proxy();
        if let Some(path) = &self.ca_file {
            builder = builder.tls_certs_only(authorities(path)?);
        } else if self.url.scheme() == "http" {
            // Reading the system's certificates takes a while.
            builder = builder.tls_certs_only([]);
        }
        if let (Some(cert), Some(key)) = (&self.client_cert_file, &self.client_key_file) {
            builder = builder.identity(identity(cert, key)?);
        }
        builder.build().map_err(|error| Mistake::at("arguments", error.to_string()))
    }
}

fn identity(cert: &Path, key: &Path) -> Result<Identity, Mistake> {
    let pem = format!("{}\n{}", read(key)?, read(cert)?);
    let identity = Identity::from_pem(pem.as_bytes());
    identity.map_err(|error| Mistake::at(cert.display().to_string(), error.to_string()))
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Mistake> {
    let found = Certificate::from_pem_bundle(read(path)?.as_bytes());
    let found =
        found.map_err(|error| Mistake::at(path.display().to_string(), error.to_string()))?;
    if found.is_empty() {
        return Err(Mistake::at(path.display().to_string(), "there is no certificate in it"));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<String, Mistake> {
    fs::read_to_string(path).map_err(|error| Mistake::unreadable(path, &error))
}

fn server_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_plain = url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
        return Err("it must be `http://host:port` or `https://host:port`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("there must be no credentials in it".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn arguments(token_file: Option<PathBuf>) -> ServerArgs {
        let url = server_url("http://127.0.0.1:7700").unwrap();
        let (client_cert_file, client_key_file) = (None, None);
        ServerArgs {
            url,
            token_file,
            ca_file: None,
            client_cert_file,
            client_key_file,
            timeout_ms: 1,
        }
    }

    #[test]
    fn a_token_comes_from_the_file_or_the_environment() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"from-the-file\n").unwrap();
        let env = |_: &str| Some("from-the-environment".to_owned());
        let token = |path| arguments(path).token(env).unwrap().unwrap();
        assert_eq!(token(Some(file.path().to_owned())), "Bearer from-the-file");
        assert_eq!(token(None), "Bearer from-the-environment");
        assert!(arguments(None).token(|_| None).unwrap().is_none());
    }

    #[test]
    fn what_is_no_token_is_not_shown() {
        for text in ["", "two words", "line\nline", "é"] {
            let found = arguments(None).token(|_| Some(text.to_owned())).unwrap_err();
            assert_eq!(found.place, "environment: QUOTA_TOKEN");
            assert!(text.is_empty() || !found.what.contains(text), "{found}");
        }
    }

    #[test]
    fn a_url_names_a_server_and_no_more() {
        for good in ["http://h", "https://h:1", "http://[::1]:7700/", "http://h/behind/a/proxy"] {
            assert!(server_url(good).is_ok(), "{good}");
        }
        for bad in ["h:7700", "ftp://h", "http://me:pw@h", "http://h?a=1"] {
            assert!(server_url(bad).is_err(), "{bad}");
        }
    }
}
