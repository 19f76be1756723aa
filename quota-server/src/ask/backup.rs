//! `quota-server backup` and `quota-server restore`: the data directory of an embedded ledger.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Refusal;
use crate::backup::{self, BackupError, Copied, KeptBackup};
use crate::clock::{Clock, SystemClock};
use crate::mistake::Mistake;

/// What is copied, and where to.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// Data directory, whether a server runs on it or not [default: QUOTA_DATA_DIR, else
    /// ./quota-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    place: BackupTarget,
    /// Of what is in the directory of --into and called after a moment, keep the latest so many,
    /// once this one is whole [default: all]
    #[arg(long, value_name = "N", requires = "into", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
}

/// Where a backup goes.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct BackupTarget {
    /// Directory of the backup; made if it is not there, and without a ledger in it
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Directory of backups: this one goes into a new one there, called after this moment
    /// (2026-11-28T03-17-00Z)
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
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
        match (self.place.into, self.place.to) {
            (Some(into), _) => kept(&folder, &into, self.keep).await,
            (None, to) => {
                let to = to.expect("one of the two is required");
                let copied = backup::backup(&folder, &to).await.map_err(refused)?;
                Ok(told(copied, &format!("from {} to {}", folder.display(), to.display())))
            }
        }
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

async fn kept(folder: &Path, into: &Path, keep: Option<u32>) -> Result<String, Refusal> {
    let wall_ms = SystemClock::new().reading().wall_ms;
    let now = i64::try_from(wall_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let now = now.ok_or_else(|| Refusal::No("the clock is beyond all years".to_owned()))?;
    let done = backup::backup_kept(folder, into, now, keep).await.map_err(refused)?;
    let KeptBackup { folder: to, copied, removed } = done;
    let told = told(copied, &format!("from {} to {}", folder.display(), to.display()));
    Ok(if removed == 0 { told } else { format!("{told}{removed} older removed\n") })
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
