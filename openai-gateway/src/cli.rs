//! Flags and their environment twins: `QUOTA_` and the flag's name (`QUOTA_LISTEN`,
//! `QUOTA_MAX_WAIT_MS`). Names that begin with `quota` aren't doubled: `QUOTA_URL`,
//! `QUOTA_TOKEN_FILE`. Flags win over the configuration file; the quota token comes from
//! `QUOTA_TOKEN` or a file, never from a flag, which everyone on the machine could read.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum, value_parser};
use edge::descriptors;
use edge::listener::Bounds;
use http::HeaderValue;

use crate::config::{Config, ConfigError, Environment, Secret, Unusable};
use crate::metrics;
use crate::upstream::Proxies;

/// A thin OpenAI-compatible gateway that keeps its deployments' limits with a quota server.
#[derive(Debug, Clone, Parser)]
#[command(name = "openai-gateway", version)]
pub struct Cli {
    /// What to do; without a command the gateway serves
    #[command(subcommand)]
    pub command: Option<Command>,

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
    #[arg(long, env = "QUOTA_CONFIG", default_value = "config.yaml", global = true)]
    pub config: PathBuf,

    /// Leave out entries of its model_list that can't be used, instead of refusing the file
    #[arg(long, env = "QUOTA_SKIP_UNUSABLE", global = true)]
    pub skip_unusable: bool,

    /// Listen on another address than loopback although there is no master_key: whoever reaches it
    /// may call, and spend
    #[arg(long, env = "QUOTA_ALLOW_ANONYMOUS")]
    pub allow_anonymous: bool,

    /// The origins whose pages may call, with commas between them, or * for all: browsers are told
    /// so (CORS). Needs a key
    #[arg(long, env = "QUOTA_CORS_ORIGINS", value_name = "ORIGIN", value_delimiter = ',', value_parser = crate::http::origin)]
    pub cors_origins: Vec<HeaderValue>,

    /// Call providers at http:// through the environment's proxies too; they see the keys. For
    /// https:// HTTPS_PROXY, ALL_PROXY and NO_PROXY always count
    #[arg(long, env = "QUOTA_PROXY_PLAIN_HTTP")]
    pub proxy_plain_http: bool,

    /// The quota server; several that keep one ledger with commas between them, or one name for
    /// them all [default: the file's quota_server.url, else http://127.0.0.1:7700]
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

    /// How large the bodies of all requests may be together, bytes, from their arrival until the
    /// answer begins; more are answered
    /// 503. What is made of them takes about twice as much memory besides
    #[arg(long, env = "QUOTA_MAX_BODIES_BYTES", default_value_t = 128 << 20)]
    pub max_bodies_bytes: usize,

    /// Connections at once, of which one address has three quarters at most. There are no more than
    /// a third of the file descriptors, since each needs one or two to providers. More wait to be
    /// accepted
    #[arg(long, env = "QUOTA_MAX_CONNECTIONS", value_name = "N", default_value_t = 20_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// Connections at once from one address, which may be a load balancer's; more are closed as
    /// soon as they are accepted
    #[arg(long, env = "QUOTA_MAX_CONNECTIONS_PER_IP", value_name = "N", default_value_t = 15_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub max_connections_per_ip: u32,

    /// How long a connection may take to send the head of a request, or be idle between two, ms
    #[arg(long, env = "QUOTA_HEAD_READ_MS", value_name = "MS", default_value_t = 60_000, value_parser = value_parser!(u64).range(10..=3_600_000))]
    pub head_read_ms: u64,

    /// How long a caller may take in nothing of its answer before its connection is cut, ms
    #[arg(long, env = "QUOTA_WRITE_STALL_MS", value_name = "MS", default_value_t = 60_000, value_parser = value_parser!(u64).range(10..=3_600_000))]
    pub write_stall_ms: u64,

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

    /// What is done with entries that can't be used.
    #[must_use]
    pub const fn unusable(&self) -> Unusable {
        if self.skip_unusable { Unusable::Skipped } else { Unusable::Refused }
    }

    /// Through which proxies providers are called.
    #[must_use]
    pub fn proxies(&self, environment: &Environment) -> Proxies {
        if self.proxy_plain_http {
            return Proxies::Environment;
        }
        let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        let proxy = names.iter().find_map(|name| environment.var(name));
        Proxies::Encrypted(proxy.map(ToOwned::to_owned))
    }

    /// What connections may take, within what the process has file descriptors for now.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let bounds = Bounds {
            connections: self.max_connections,
            per_address: self.max_connections_per_ip,
            head_read: Duration::from_millis(self.head_read_ms),
            write_stall: Duration::from_millis(self.write_stall_ms),
            cut: metrics::connection_cut,
            refused: metrics::connection_refused,
        };
        bounds.within(descriptors::room(3))
    }

    /// Whether it would serve everybody who reaches it, unasked.
    #[must_use]
    pub const fn is_open(&self, config: &Config) -> bool {
        config.master_key.is_none() && !self.listen.ip().is_loopback() && !self.allow_anonymous
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

/// What to do instead of serving.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Reads the configuration and the files that it names, tells all its mistakes and what of it
    /// is ignored, and exits: 0 if a gateway would start with it, 64 if not. Nothing is listened on
    /// or sent
    Check,
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

    const FILE: &str = "model_list: [{model_name: m, litellm_params: {model: gpt-4o, api_key: k}}]\n\
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
    fn a_gateway_for_everybody_must_be_asked_for() {
        for (flags, is_open) in [
            (&[][..], false),
            (&["--listen=[::1]:0"][..], false),
            (&["--listen=0.0.0.0:0"][..], true),
            (&["--listen=0.0.0.0:0", "--allow-anonymous"][..], false),
        ] {
            let (cli, mut config) = configured(flags);
            assert_eq!(cli.is_open(&config), is_open, "{flags:?}");
            config.master_key = Some(Secret::new("sk".to_owned()));
            assert!(!cli.is_open(&config));
        }
    }

    #[test]
    fn a_proxy_is_for_what_is_encrypted_unless_asked_otherwise() {
        let environment =
            Environment::from([("HTTP_PROXY", "http://p"), ("https_proxy", "http://s")]);
        let (cli, _) = configured(&[]);
        assert_eq!(cli.proxies(&environment), Proxies::Encrypted(Some("http://s".to_owned())));
        assert_eq!(cli.proxies(&Environment::default()), Proxies::Encrypted(None));
        let (cli, _) = configured(&["--proxy-plain-http"]);
        assert_eq!(cli.proxies(&environment), Proxies::Environment);
    }

    #[test]
    fn a_check_takes_the_flags_of_the_file() {
        let words = ["openai-gateway", "check", "--config=c.yaml", "--skip-unusable"];
        let cli = Cli::try_parse_from(words).unwrap();
        assert_eq!((cli.command, cli.skip_unusable), (Some(Command::Check), true));
        assert_eq!(cli.config.to_str(), Some("c.yaml"));
    }

    #[test]
    fn a_token_is_no_flag() {
        assert!(Cli::try_parse_from(["openai-gateway", "--quota-token=s3cret"]).is_err());
    }
}
