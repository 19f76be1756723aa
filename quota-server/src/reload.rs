//! The deployments file, read again when it changes and when it is asked for.
//!
//! Who mounts it (a config map, say) swaps links, and cannot send a signal. So it is looked at now
//! and then, by its content. What a ledger could not take is tried again soon; a standby leaves it
//! to the active server, and looks on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info};

use crate::audit::Audit;
use crate::declared::{self, Content, NotApplied};
use crate::ledger::{Ledger, Put, PutError, Role};
use crate::metrics::{self, Reloaded};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The same while the ledger does not take it: it takes it soon after it can.
const SOON: Duration = Duration::from_millis(500);

/// Asks for a reload. Asked for twice while one runs, it is done once more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reload {
    asked: Arc<Notify>,
}

impl Reload {
    /// Asks for it.
    pub(crate) fn ask(&self) {
        self.asked.notify_one();
    }

    /// Serves those who ask, on a task of its own, until `stop`: a ledger that hangs holds up no
    /// signal. A file with a mistake changes nothing.
    pub(crate) fn serve(
        &self,
        file: Option<DeploymentsFile>,
        ledger: Arc<dyn Ledger>,
        audit: Audit,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) {
        let asked = Arc::clone(&self.asked);
        tasks.spawn(async move {
            match file {
                Some(file) => file.keep(&asked, &*ledger, &audit, &stop).await,
                None => {
                    while stop.run_until_cancelled(asked.notified()).await.is_some() {
                        info!("asked to reload, but there is no --deployments file");
                    }
                }
            }
        });
    }
}

/// The file, and what of it is in the ledger.
#[derive(Debug)]
pub(crate) struct DeploymentsFile {
    path: PathBuf,
    /// As it was when it was last applied, or had a mistake.
    seen: Option<Content>,
}

impl DeploymentsFile {
    /// A file, and what it held when it was applied, if it was.
    pub(crate) const fn new(path: PathBuf, applied: Option<Content>) -> Self {
        Self { path, seen: applied }
    }

    async fn keep(
        mut self,
        asked: &Notify,
        ledger: &dyn Ledger,
        audit: &Audit,
        stop: &CancellationToken,
    ) {
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = asked.notified() => self.seen = None,
                () = sleep(pause) => {}
            }
            pause = match ledger.role() {
                Role::Active => self.look(ledger, audit).await,
                // Once it is active it applies the file, whoever did before.
                Role::Standby => {
                    self.seen = None;
                    SOON
                }
            };
        }
    }

    /// One look; how long after it comes the next.
    async fn look(&mut self, ledger: &dyn Ledger, audit: &Audit) -> Duration {
        let (path, seen) = (self.path.clone(), self.seen);
        let (content, puts) = match spawn_blocking(move || declared::look(&path, seen)).await {
            Ok(Some(found)) => found,
            Ok(None) => return LOOK,
            Err(error) => {
                error!(%error, "the deployments file could not be read");
                return LOOK;
            }
        };
        let took = match puts {
            Ok(puts) => apply(ledger, puts, audit).await,
            Err(mistake) => {
                error!(%mistake, "the deployments file has a mistake: nothing changes");
                Took::Mistake
            }
        };
        // What the ledger did not take is tried again.
        self.seen = matches!(took, Took::All | Took::Mistake).then_some(content);
        match took {
            Took::All => metrics::reloaded(Reloaded::Deployments, true),
            Took::Mistake | Took::Refused => metrics::reloaded(Reloaded::Deployments, false),
            // Told by what watches the ledger.
            Took::NotYet => return SOON,
        }
        LOOK
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// The ledger has what it says.
    All,
    /// It says nothing that could be done.
    Mistake,
    /// The ledger refuses some of it.
    Refused,
    /// The ledger takes no change just now.
    NotYet,
}

async fn apply(ledger: &dyn Ledger, puts: Vec<Put>, audit: &Audit) -> Took {
    match declared::apply(ledger, puts).await {
        Ok(applied) => {
            info!(applied.deployments, applied.created, "the deployments file is applied");
            audit.noted(declared::ACTION, &applied.to_string()).await;
            Took::All
        }
        Err(NotApplied { id, error: PutError::Unavailable(why) }) => {
            debug!(%id, %why, "the deployments file cannot be applied yet");
            Took::NotYet
        }
        Err(error) => {
            error!(%error, "the deployments file is not applied to its end");
            Took::Refused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::manual::ManualClock;
    use crate::testing::TestLedger;

    fn audit() -> Audit {
        Audit::open(None, Arc::new(ManualClock::new())).unwrap()
    }

    fn write(test: &TestLedger, text: &str) -> PathBuf {
        let path = test.folder.path().join("deployments.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn tpm_limit(test: &TestLedger, id: &str) -> Option<u64> {
        let stored = test.ledger.deployment(id.into()).await.unwrap();
        stored.and_then(|stored| stored.policy.limit.tokens())
    }

    fn unseen(path: PathBuf) -> DeploymentsFile {
        DeploymentsFile { path, seen: None }
    }

    #[tokio::test]
    async fn who_asks_is_served() {
        let test = TestLedger::open().await;
        let path = write(&test, "deployments: {a: {tpm_limit: 5}}");
        let file = DeploymentsFile::new(path.clone(), Some(declared::read(&path).unwrap().content));
        let (reload, tasks, stop) =
            (Reload::default(), TaskTracker::new(), CancellationToken::new());
        reload.serve(Some(file), Arc::clone(&test.ledger), audit(), &tasks, stop.clone());
        reload.ask();
        let applied = async {
            while tpm_limit(&test, "a").await != Some(5) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), applied).await.unwrap();
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn what_the_file_has_is_applied_and_the_rest_left_alone() {
        let test = TestLedger::open().await;
        let path = write(&test, "deployments: {a: {tpm_limit: 5}, b: {tpm_limit: 6}}");
        let mut file = unseen(path);
        file.look(&*test.ledger, &audit()).await;
        write(&test, "deployments: {a: {tpm_limit: 7}}");
        file.look(&*test.ledger, &audit()).await;
        assert_eq!((tpm_limit(&test, "a").await, tpm_limit(&test, "b").await), (Some(7), Some(6)));
    }

    #[tokio::test]
    async fn what_the_file_had_already_is_not_applied_again_unless_asked() {
        let test = TestLedger::open().await;
        let mut file = unseen(write(&test, "deployments: {a: {tpm_limit: 5}}"));
        file.look(&*test.ledger, &audit()).await;
        let puts = declared::parse(&file.path, "deployments: {a: {tpm_limit: 9}}").unwrap();
        assert_eq!(apply(&*test.ledger, puts, &audit()).await, Took::All);
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(9));
        file.seen = None;
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(5));
    }

    #[tokio::test]
    async fn a_file_with_a_mistake_changes_nothing() {
        let test = TestLedger::open().await;
        let mut file = unseen(write(&test, "deployments: {a: {tpm_limit: 5}}"));
        file.look(&*test.ledger, &audit()).await;
        for bad in [
            "deployments: {a: {tpm_limit: 6}, b: {tpm_limit: -1}}",
            "deployments: {a: {tpm_limit: 6}, b: {}}",
            "}",
        ] {
            write(&test, bad);
            file.look(&*test.ledger, &audit()).await;
            assert_eq!(tpm_limit(&test, "a").await, Some(5), "{bad}");
        }
        std::fs::remove_file(&file.path).unwrap();
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(5));
    }

    #[tokio::test]
    async fn what_the_ledger_could_not_take_is_tried_again() {
        let (test, gone) = (TestLedger::open().await, TestLedger::open().await);
        gone.ledger.stop().await;
        let mut file = unseen(write(&test, "deployments: {a: {tpm_limit: 5}}"));
        file.look(&*gone.ledger, &audit()).await;
        assert_eq!(file.seen, None);
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(5));
    }
}
