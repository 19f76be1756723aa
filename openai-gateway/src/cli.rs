//! Flags and their environment twins: `QUOTA_` and the flag's name (`QUOTA_LISTEN`,
//! `QUOTA_MAX_WAIT_MS`). Names that begin with `quota` aren't doubled: `QUOTA_URL`,
//! `QUOTA_TOKEN_FILE`. Flags win over the configuration file; the quota token comes from
//! `QUOTA_TOKEN` or a file, never from a flag, which everyone on the machine could read.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::config::{Config, ConfigError, Environment, Secret};

/// A thin OpenAI-compatible gateway that keeps its deployments' limits with a quota server.
#[derive(Debug, Clone, Parser)]
#[command(name = "openai-gateway", version)]
pub struct Cli {
    /// Where to listen; with port 0 the line `listening on http://..` on stdout says where
    #[arg(long, env = "QUOTA_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// A PEM file of the gateway's own certificate: serves HTTPS. Read again when it changes
    #[arg(long, env = "QUOTA_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// A PEM file of that certificate's key
    #[arg(long, env = "QUOTA_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// A LiteLLM config.yaml
    #[arg(long, env = "QUOTA_CONFIG", default_value = "config.yaml")]
    pub config: PathBuf,

    /// The quota server; several that keep one ledger with commas between them, or one name for them
    /// all [default: the file's quota_server.url, else http://127.0.0.1:7700]
    #[arg(long, env = "QUOTA_URL")]
    pub quota_url: Option<String>,

    /// A file that holds the token for the quota server (or give it in QUOTA_TOKEN)
    #[arg(long, env = "QUOTA_TOKEN_FILE")]
    pub quota_token_file: Option<PathBuf>,

    /// A PEM file of the authorities that the quota server's certificate must be of [default: the
    /// file's, else the system's]
    #[arg(long, env = "QUOTA_CA_FILE")]
    pub quota_ca_file: Option<PathBuf>,

    /// A PEM file of a certificate to show to the quota server
    #[arg(long, env = "QUOTA_CLIENT_CERT_FILE")]
    pub quota_client_cert_file: Option<PathBuf>,

    /// A PEM file of that certificate's key
    #[arg(long, env = "QUOTA_CLIENT_KEY_FILE")]
    pub quota_client_key_file: Option<PathBuf>,

    /// This gateway's name in the quota server's book [default: the file's, else `gateway`]
    #[arg(long, env = "QUOTA_HOLDER")]
    pub holder: Option<String>,

    /// Register the deployments' limits with the quota server at start
    #[arg(long, env = "QUOTA_REGISTER")]
    pub register: bool,

    /// How long a request may wait for quota, ms [default: the file's, else 500]
    #[arg(long, env = "QUOTA_MAX_WAIT_MS")]
    pub max_wait_ms: Option<u64>,

    /// How long running requests may take to end once the gateway is told to stop, ms
    #[arg(long, env = "QUOTA_DRAIN_MS", default_value_t = 30_000)]
    pub drain_ms: u64,

    /// The largest request body that is taken, bytes
    #[arg(long, env = "QUOTA_MAX_BODY_BYTES", default_value_t = 32 << 20)]
    pub max_body_bytes: usize,

    /// A collector that traces are sent to, by OTLP over HTTP, without its `/v1/traces`;
    /// OTEL_EXPORTER_OTLP_ENDPOINT and OpenTelemetry's other variables are obeyed too
    #[arg(long, env = "QUOTA_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// How logs are written, to stderr; which ones, RUST_LOG says
    #[arg(long, env = "QUOTA_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl Cli {
    /// The configuration with what the flags say in place of what the file says.
    #[must_use]
    pub fn settle(&self, mut config: Config) -> Config {
        let quota = &mut config.quota;
        quota.url = self.quota_url.clone().unwrap_or_else(|| quota.url.clone());
        quota.holder = self.holder.clone().unwrap_or_else(|| quota.holder.clone());
        quota.max_wait_ms = self.max_wait_ms.unwrap_or(quota.max_wait_ms);
        quota.register |= self.register;
        let over = |flag: &Option<PathBuf>, file: &mut Option<PathBuf>| {
            *file = flag.clone().or_else(|| file.take());
        };
        over(&self.quota_token_file, &mut quota.token_file);
        over(&self.quota_ca_file, &mut quota.ca_file);
        over(&self.quota_client_cert_file, &mut quota.client_cert_file);
        over(&self.quota_client_key_file, &mut quota.client_key_file);
        config
    }

    /// The certificate to show to the quota server, and its key.
    ///
    /// # Errors
    /// There is one without the other.
    pub fn quota_identity(config: &Config) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
        let quota = &config.quota;
        match (quota.client_cert_file.clone(), quota.client_key_file.clone()) {
            (Some(cert), Some(key)) => Ok(Some((cert, key))),
            (None, None) => Ok(None),
            _ => Err(ConfigError::HalfIdentity),
        }
    }

    /// The token for the quota server: from the environment, else from the file.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn quota_token(
        &self,
        config: &Config,
        environment: &Environment,
    ) -> Result<Option<Secret>, ConfigError> {
        if let Some(token) = environment.var("QUOTA_TOKEN") {
            return Ok(Some(Secret::new(token.to_owned())));
        }
        config.quota.token_file.as_deref().map(Secret::read).transpose()
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        let cli = Cli::try_parse_from([
            "openai-gateway",
            "--listen=127.0.0.1:0",
            "--quota-url=http://q:1",
            "--holder=gw-1",
            "--register",
            "--log-format=json",
        ])
        .unwrap();
        assert_eq!(cli.listen.port(), 0);
        assert_eq!(cli.quota_url.as_deref(), Some("http://q:1"));
        assert_eq!(cli.log_format, LogFormat::Json);
        assert!(cli.register);
    }

    const FILE: &str = "model_list: [{model_name: m, litellm_params: {model: gpt-4o}}]\n\
        quota_server: {url: 'http://file', holder: file, max_wait_ms: 7}\n";

    fn configured(flags: &[&str]) -> (Cli, Config) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), FILE).unwrap();
        let cli = Cli::try_parse_from([&["openai-gateway"], flags].concat()).unwrap();
        let config = Config::load(file.path(), &Environment::default()).unwrap();
        let config = cli.settle(config);
        (cli, config)
    }

    #[test]
    fn flags_win_over_the_file() {
        let (_, config) = configured(&["--quota-url=http://flag", "--register"]);
        assert_eq!(config.quota.url, "http://flag");
        assert_eq!(config.quota.holder, "file");
        assert_eq!(config.quota.max_wait_ms, 7);
        assert!(config.quota.register);
    }

    #[test]
    fn the_token_comes_from_the_environment_or_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from-file\n").unwrap();
        let flag = format!("--quota-token-file={}", file.path().display());
        let (cli, config) = configured(&[&flag]);
        let token = |environment: &Environment| {
            let token = cli.quota_token(&config, environment).unwrap().unwrap();
            token.reveal().to_owned()
        };
        assert_eq!(token(&Environment::default()), "from-file");
        assert_eq!(token(&Environment::from([("QUOTA_TOKEN", "from-env")])), "from-env");
    }

    #[test]
    fn a_token_file_that_is_not_there_is_named() {
        let (cli, config) = configured(&["--quota-token-file=/nowhere/token"]);
        let error = cli.quota_token(&config, &Environment::default()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/token"));
    }

    #[test]
    fn a_token_is_no_flag() {
        assert!(Cli::try_parse_from(["openai-gateway", "--quota-token=s3cret"]).is_err());
    }
}
