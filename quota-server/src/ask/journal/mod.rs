//! `quota-server journal`: the journal of an embedded ledger, or of one in PostgreSQL, as it lies
//! in its store.

mod check;
mod quarantine;
mod show;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Subcommand;

use super::Refusal;
use crate::config::SecretUrl;
use crate::journal::{JournalToolError, Place};
use crate::mistake::Mistake;
use crate::password::{PasswordCommand, PasswordSource};
use crate::store::DatabaseUrl;

use check::Check;
use quarantine::Quarantine;
use show::Show;

/// What is done with a journal.
#[derive(Debug, Subcommand)]
pub enum Journal {
    /// Print entries, each as a line of JSON
    Show(Show),
    /// Follow all entries as a start would; exit code 1 and the first that cannot be followed, if
    /// any
    Check(Check),
    /// Close a deployment, or all, to new grants until their windows are over, as if their journal
    /// could not be followed
    ///
    /// For when grants may be missing or wrong, and the server cannot know: nothing is granted in
    /// the open window and the next one, a rolling deployment waits one longer. Leases in hand stay
    /// good. A server that runs notices at its next commit, mostly the next grant: it answers that
    /// with 503, then quarantines. So on a ledger that nobody asks of it begins with the next ask,
    /// however late.
    Quarantine(Quarantine),
}

/// Where the journal is.
#[derive(Debug, clap::Args)]
struct JournalSource {
    /// Data directory of an embedded ledger [default: QUOTA_DATA_DIR, else ./quota-data]
    #[arg(long, value_name = "DIR", conflicts_with = "database_url")]
    data_dir: Option<PathBuf>,
    /// PostgreSQL: `postgres://user@host:port/database`. Its password comes from
    /// QUOTA_DATABASE_URL, the file that QUOTA_DATABASE_PASSWORD_FILE names, the command of
    /// QUOTA_DATABASE_PASSWORD_COMMAND, PGPASSWORD or PGPASSFILE, never from this flag
    #[arg(long, value_name = "URL")]
    database_url: Option<SecretUrl>,
}

impl JournalSource {
    fn place(self, env: impl Fn(&str) -> Option<String>) -> Result<Place, Mistake> {
        let Self { data_dir, database_url } = self;
        let password = password(&env)?;
        let postgres = |url: &SecretUrl, setting, is_shown| {
            checked(url, setting, is_shown)?;
            let password = password.filter(|_| !url.has_password());
            Ok(Place::Postgres(DatabaseUrl::new(url.reveal(), password)))
        };
        if let Some(url) = database_url {
            return postgres(&url, "--database-url", true);
        }
        match (data_dir, env("QUOTA_DATABASE_URL")) {
            (Some(folder), _) => Ok(Place::Folder(folder)),
            (None, Some(url)) => {
                let Ok(url) = url.parse::<SecretUrl>();
                postgres(&url, "QUOTA_DATABASE_URL", false)
            }
            (None, None) => {
                let folder = env("QUOTA_DATA_DIR").unwrap_or_else(|| "./quota-data".to_owned());
                Ok(Place::Folder(folder.into()))
            }
        }
    }
}

/// Where PostgreSQL's password comes from, as the server is told it.
fn password(env: impl Fn(&str) -> Option<String>) -> Result<Option<PasswordSource>, Mistake> {
    const COMMAND: &str = "QUOTA_DATABASE_PASSWORD_COMMAND";
    let file = env("QUOTA_DATABASE_PASSWORD_FILE").map(PathBuf::from);
    let command = env(COMMAND).map(|command| command.parse::<PasswordCommand>()).transpose();
    let command = command.map_err(|why| Mistake::at(format!("environment: {COMMAND}"), why))?;
    Ok(PasswordSource::of(file, command))
}

fn checked(url: &SecretUrl, setting: &str, is_shown: bool) -> Result<(), Mistake> {
    url.url(setting, &["postgres", "postgresql"])?;
    if is_shown && url.has_password() {
        let what = "there is a password in it, which every user of this machine can see: set QUOTA_DATABASE_URL";
        return Err(Mistake::at(setting, what));
    }
    Ok(())
}

impl Journal {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        match self {
            Self::Show(show) => show.run(env).await,
            Self::Check(check) => check.run(env).await,
            Self::Quarantine(quarantine) => quarantine.run(env).await,
        }
    }
}

impl From<JournalToolError> for Refusal {
    fn from(error: JournalToolError) -> Self {
        let text = error.to_string();
        match error {
            JournalToolError::Empty(_) => Mistake::at("--data-dir", text).into(),
            JournalToolError::Store { name, source } => {
                Self::Away { url: name, why: source.to_string() }
            }
            JournalToolError::NoSuchDeployment(_)
            | JournalToolError::NoEntry(_)
            | JournalToolError::LastEntry { .. } => Self::No(text),
        }
    }
}
