use std::path::PathBuf;

use clap::ValueEnum;
use tracing_subscriber::filter::EnvFilter;

/// What is logged, on stderr.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "log")]
pub struct LogConfig {
    /// How a line looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug` (with every request), `trace`, or
    /// directives such as `info,quota_server::ledger=debug`
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = directives)]
    pub log_level: String,
    /// File that changes of deployments, and who was refused, are written down in, one JSON object
    /// a line; a change that cannot be is refused [default: the log, under the target `audit`]
    #[arg(long, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

fn directives(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
