use std::path::PathBuf;
use std::str::FromStr;

use clap::value_parser;

/// Who keeps the book, and where.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "ledger")]
pub struct LedgerConfig {
    /// Who keeps the book: `embedded` (SQLite in the data directory)
    #[arg(long, value_name = "KIND", default_value = "embedded")]
    pub ledger: LedgerKind,
    /// Directory of the journal; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "./quota-data")]
    pub data_dir: PathBuf,
    /// Writers, each with its share of the deployments and its own file; fixed when the data
    /// directory is made
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=64))]
    pub shards: u32,
    /// How long the books of past windows are kept
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = value_parser!(u32).range(1..=8_760))]
    pub history_hours: u32,
    /// YAML file of deployments, applied at start and on SIGHUP; deployments that are not in it are
    /// left alone
    #[arg(long, value_name = "FILE")]
    pub deployments: Option<PathBuf>,
}

/// A rung of the storage ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerKind {
    /// One server, SQLite in its data directory.
    Embedded,
}

impl FromStr for LedgerKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "postgres" | "redis" => Err(format!(
                "the {text} ledger is not in this version; the one there is is `embedded`"
            )),
            _ => Err("the ledger there is is `embedded`".to_owned()),
        }
    }
}
