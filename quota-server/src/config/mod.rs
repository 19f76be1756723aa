//! What an operator can set: flags, then the environment, then a TOML file, then the defaults.
//!
//! One struct for each section. A field is a flag with its default; the same name with `QUOTA_` is
//! its variable, and with underscores its key in the section's table of the file. The lower layers
//! are handed to clap as defaults (`layers.rs`), so each value is parsed and checked by one piece
//! of code wherever it comes from.
//!
//! To add a setting: a field. To add a section: a struct, with its name as `next_help_heading`.

mod access;
mod cli;
mod file;
mod http;
mod layers;
mod ledger;
mod log;
mod metrics;
mod redis;
mod secret_url;
mod tls;
mod trace;

pub use access::AccessConfig;
pub(crate) use cli::check;
pub use cli::{Answer, Task, command, parse};
pub use http::HttpConfig;
pub use ledger::{AdvertiseUrl, LedgerConfig, LedgerKind};
pub use log::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
pub use redis::RedisSettings;
pub use secret_url::SecretUrl;
pub use tls::{ClientAuth, TlsConfig};
pub use trace::TraceConfig;

/// What `quota-server serve` is told.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// TOML file with settings, a table for each section, a key for each flag
    #[arg(long, value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
    /// How the API is served.
    #[command(flatten)]
    pub http: HttpConfig,
    /// Who keeps the book.
    #[command(flatten)]
    pub ledger: LedgerConfig,
    /// Who is let in.
    #[command(flatten)]
    pub access: AccessConfig,
    /// Encryption of the API, and certificates as credentials.
    #[command(flatten)]
    pub tls: TlsConfig,
    /// What is logged.
    #[command(flatten)]
    pub log: LogConfig,
    /// What is measured.
    #[command(flatten)]
    pub metrics: MetricsConfig,
    /// Where traces go.
    #[command(flatten)]
    pub trace: TraceConfig,
}
