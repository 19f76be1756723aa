//! `quota-server backup` and `quota-server restore`: the data directory of an embedded ledger.

use std::path::PathBuf;

use super::Refusal;
use crate::backup::{self, BackupError, Copied};
use crate::mistake::Mistake;

/// What is copied, and where to.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// Data directory, whether a server runs on it or not [default: QUOTA_DATA_DIR, else
    /// ./quota-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Directory of the backup; made if it is not there, and without a ledger in it
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// What is put back, and where.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// Directory of the backup; it is left as it is
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Data directory; made if it is not there, and without a ledger in it [default:
    /// QUOTA_DATA_DIR, else ./quota-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Backup {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        let folder = data_dir(self.data_dir, env);
        let copied = backup::backup(&folder, &self.to).await.map_err(refused)?;
        Ok(told(copied, &format!("from {} to {}", folder.display(), self.to.display())))
    }
}

impl Restore {
    pub(super) fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        let folder = data_dir(self.data_dir, env);
        let copied = backup::restore(&self.from, &folder).map_err(refused)?;
        let told = told(copied, &format!("from {} to {}", self.from.display(), folder.display()));
        let doubt =
            "a server that starts on it now grants nothing of the open window and the next one\n";
        Ok(told + if copied.has_books { doubt } else { "" })
    }
}

fn data_dir(given: Option<PathBuf>, env: impl Fn(&str) -> Option<String>) -> PathBuf {
    let named = || env("QUOTA_DATA_DIR").unwrap_or_else(|| "./quota-data".to_owned());
    given.unwrap_or_else(|| named().into())
}

fn told(Copied { files, bytes, .. }: Copied, way: &str) -> String {
    format!("{files} databases, {bytes} bytes, {way}\n")
}

/// What stands in the way is of the arguments; what breaks on the way is not.
fn refused(error: BackupError) -> Refusal {
    match error {
        BackupError::Copy { .. } => Refusal::No(error.to_string()),
        error => Mistake::at("arguments", error.to_string()).into(),
    }
}
