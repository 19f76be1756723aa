//! What people ask of a server that runs, from a terminal: `quota-server deployments`, `top`, ..
//!
//! These commands are clients. They know the server's URL and a token, speak the API of `quota-api`
//! as anybody does, and end with a code that a script can read ([`Exit`]). A command returns the
//! text that is to be printed; only `main` prints it.
//!
//! To add one: a variant of [`Ask`] with its arguments, a file here that answers it, and its line
//! in [`Ask::run`].

mod backup;
mod call;
mod check;
mod deployments;
mod journal;
mod refusal;
mod server;
mod table;
mod top;
mod verify;

use clap::Subcommand;
use clap_complete::Shell;

pub use backup::{Backup, Restore};
pub use check::Check;
pub use deployments::Deployments;
pub use journal::Journal;
pub use refusal::{Exit, Refusal};
pub use server::ServerArgs;
pub use top::Top;
pub use verify::Verify;

use crate::config;

/// How each of these commands ends.
pub(crate) const EXITS: &str = "\
Exit codes:
  0   done
  1   no: there is none of the name, it has changed since, or a book does not add up
  64  the arguments are wrong, or the server does not take a value
  69  the server is away, or asks to come back later
  70  the server has a fault, or what answers is no quota server
  77  there is no token, a wrong one, or one that may not do this";

const EXAMPLES_OF_TOP: &str = "\
Examples:
  quota-server top
  quota-server top --once --sort denied | head";

const EXAMPLES_OF_VERIFY: &str = "\
Examples:
  quota-server verify                             every deployment, the last hour
  quota-server verify gpt-4o-eu --last 5 --all    five minutes of one, each window shown
  quota-server verify --data-dir ./quota-data     an embedded ledger that does not run";

const EXAMPLES_OF_JOURNAL: &str = "\
Examples:
  quota-server journal show --count 5                        the last five entries in ./quota-data
  quota-server journal show --deployment gpt-4o-eu --from 17
  quota-server journal check --data-dir /var/lib/quota       what would a start find?
  quota-server journal quarantine gpt-4o-eu                  with QUOTA_DATABASE_URL: in PostgreSQL
  quota-server journal quarantine --all";

const EXAMPLES_OF_BACKUP: &str = "\
Examples:
  quota-server backup --data-dir /var/lib/quota --to /backup/2026-11-28
  quota-server backup --data-dir /var/lib/quota --into /backup --keep 14   for cron
  quota-server verify --data-dir /backup/2026-11-28
  quota-server restore --from /backup/2026-11-28 --data-dir /var/lib/quota";

const EXAMPLES_OF_CHECK: &str = "\
Examples:
  quota-server check                            ready; needs no token
  quota-server check --deployment gpt-4o-eu     needs a token that may take leases";

/// What is asked.
#[derive(Debug, Subcommand)]
pub enum Ask {
    /// List, show, change and remove the deployments of a running server
    #[command(subcommand)]
    Deployments(Deployments),
    /// Show every deployment at a glance, live
    ///
    /// How full each window is, who was denied, and how the server is. Keys: f, i, d, u, h sort by
    /// fill, id, denied, used, holders; arrows and page keys scroll; q quits. A narrow terminal
    /// shows the columns that fit.
    #[command(after_help = format!("{EXAMPLES_OF_TOP}\n\n{EXITS}"))]
    Top(Top),
    /// Check that a server can be used: it is ready, and grants a lease
    #[command(after_help = format!("{EXAMPLES_OF_CHECK}\n\n{EXITS}"))]
    Check(Check),
    /// Add up the books of the last windows; exit code 1 and the sums, where one does not add up
    ///
    /// Each must be: granted = given back + used + held + burnt, in tokens and in requests. With
    /// --data-dir the whole journal of an embedded ledger is replayed, which also shows that no
    /// grant took a window above the limit of its moment.
    #[command(after_help = format!("{EXAMPLES_OF_VERIFY}\n\n{EXITS}"))]
    Verify(Verify),
    /// Show, check or quarantine the journal of a ledger, whether a server runs on it or not
    #[command(subcommand, after_help = format!("{EXAMPLES_OF_JOURNAL}\n\n{EXITS}"))]
    Journal(Journal),
    /// Copy the data directory of an embedded ledger, whether a server runs on it or not
    #[command(after_help = format!("{EXAMPLES_OF_BACKUP}\n\n{EXITS}"))]
    Backup(Backup),
    /// Put a backup into a data directory that has no ledger
    ///
    /// A backup is worth its deployments and history. What was granted after it was made is not
    /// known, so a server that starts on it grants nothing of the open window and the next one,
    /// with rolling deployments one longer.
    #[command(after_help = format!("{EXAMPLES_OF_BACKUP}\n\n{EXITS}"))]
    Restore(Restore),
    /// Print the function library that this server calls in Redis, for who may load it where
    /// servers may not
    #[command(after_help = "\
Examples:
  quota-server redis-library | redis-cli -x FUNCTION LOAD")]
    RedisLibrary,
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  quota-server completion bash > /usr/share/bash-completion/completions/quota-server
  quota-server completion zsh > ~/.zfunc/_quota-server
  quota-server completion fish > ~/.config/fish/completions/quota-server.fish")]
    Completion {
        /// Which shell
        shell: Shell,
    },
    /// Print the OpenAPI document of the API, as `/openapi.json` serves it
    Openapi,
}

impl Ask {
    /// Does what is asked, and gives what is to be printed.
    ///
    /// # Errors
    /// What the server said, or why it could not be asked.
    pub async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        match self {
            Self::Deployments(ask) => ask.run(env).await,
            Self::Top(ask) => ask.run(env).await,
            Self::Check(ask) => ask.run(env).await,
            Self::Verify(ask) => ask.run(env).await,
            Self::Journal(ask) => ask.run(env).await,
            Self::Backup(ask) => ask.run(env).await,
            Self::Restore(ask) => ask.run(env),
            Self::RedisLibrary => Ok(crate::ledger::redis::library()),
            Self::Completion { shell } => Ok(completion(shell)),
            Self::Openapi => Ok(crate::http::document()),
        }
    }
}

fn completion(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut config::command(), "quota-server", &mut script);
    let script = String::from_utf8_lossy(&script);
    // clap's issue 6421: for bash the hyphen of a program's name is written in two ways, and then
    // none of its commands is found.
    script.replace("quota__subcmd__server", "quota__server")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completion(shell);
            for word in ["deployments", "migrate", "tpm", "rolling", "data-dir"] {
                assert!(script.contains(word), "{word} is not in the script for {shell}");
            }
        }
    }
}
