//! The deployments file, read again when it changes and when it is asked for.
//!
//! Who mounts it (a config map, say) swaps links, and cannot send a signal. So it is looked at now
//! and then, by its content. What a ledger could not take is tried again soon, and what it refuses,
//! as another kind of window while leases are out, at each look; a standby leaves it to the active
//! server, and looks on.

use std::collections::BTreeSet;
use std::mem::take;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use crate::audit::Audit;
use crate::declared::{self, Content, Declared, NotApplied};
use crate::ledger::{Ledger, Put, Role};
use crate::metrics::{self, Reloaded};
use crate::mistake::Mistake;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The same while the ledger does not take it: it takes it soon after it can.
const SOON: Duration = Duration::from_millis(500);

/// How many deployments a look says at most that they are refused: the next ones say the rest.
const LINES: usize = 20;

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

/// The file, and what of it is not in the ledger yet.
#[derive(Debug)]
pub(crate) struct DeploymentsFile {
    path: PathBuf,
    /// As it was when it was last read.
    seen: Option<Content>,
    /// What of it is to be put.
    left: Vec<Put>,
    /// The deployments of which it was said that the ledger refuses them.
    told: BTreeSet<Arc<str>>,
}

impl DeploymentsFile {
    /// A file, and what it declares.
    pub(crate) fn new(path: PathBuf, declared: Declared) -> Self {
        let Declared { content, puts } = declared;
        Self { path, seen: Some(content), left: puts, told: BTreeSet::new() }
    }

    /// Puts what a start can put, unless another server does: the rest is put once it can be, and holds
    /// up no start.
    pub(crate) async fn begin(&mut self, ledger: &dyn Ledger, audit: &Audit) {
        if ledger.role() == Role::Standby {
            info!("the declared deployments are applied by the active server, once there is one");
            return;
        }
        if self.put_left(ledger, audit).await == Took::NotYet {
            warn!("the deployments file cannot be applied yet: it is tried again");
        }
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
        let took = match spawn_blocking(move || declared::look(&path, seen)).await {
            Ok(Some((content, puts))) => {
                self.seen = Some(content);
                self.take(puts, ledger, audit).await
            }
            Ok(None) if self.left.is_empty() => return LOOK,
            Ok(None) => self.put_left(ledger, audit).await,
            Err(error) => {
                error!(%error, "the deployments file could not be read");
                return LOOK;
            }
        };
        match took {
            Took::All => metrics::reloaded(Reloaded::Deployments, true),
            Took::Mistake | Took::Part => metrics::reloaded(Reloaded::Deployments, false),
            Took::PartAsBefore => {}
            // Told by what watches the ledger.
            Took::NotYet => return SOON,
        }
        LOOK
    }

    /// Takes over what the file declares now, in place of what it declared before.
    async fn take(
        &mut self,
        puts: Result<Vec<Put>, Mistake>,
        ledger: &dyn Ledger,
        audit: &Audit,
    ) -> Took {
        self.told.clear();
        self.left.clear();
        match puts {
            Ok(puts) => {
                self.left = puts;
                self.put_left(ledger, audit).await
            }
            Err(mistake) => {
                error!(%mistake, "the deployments file has a mistake: nothing changes");
                Took::Mistake
            }
        }
    }

    /// Puts what is left; what the ledger does not take stays left.
    async fn put_left(&mut self, ledger: &dyn Ledger, audit: &Audit) -> Took {
        let applied = declared::apply(ledger, take(&mut self.left)).await;
        if applied.deployments > 0 {
            info!(applied.deployments, applied.created, "the deployments file is applied");
            audit.noted(declared::ACTION, &applied.to_string()).await;
        }
        let is_news = self.tell(&applied.refused);
        let took = match &applied.away {
            Some(why) => {
                debug!(%why, "the deployments file cannot be applied yet");
                Took::NotYet
            }
            None if applied.refused.is_empty() => Took::All,
            None if is_news => Took::Part,
            None => Took::PartAsBefore,
        };
        self.left = applied.waiting;
        self.left.extend(applied.refused.into_iter().map(|refused| refused.put));
        took
    }

    /// Says of each refused deployment once why, of some at a time; whether there was any to tell of.
    fn tell(&mut self, refused: &[NotApplied]) -> bool {
        let untold = refused.iter().filter(|refused| !self.told.contains(&refused.put.id));
        let now: Vec<_> = untold.take(LINES).collect();
        for NotApplied { put, error } in &now {
            error!(id = %put.id, %error, "a declared deployment is not put: it stays as it is, and is tried again");
        }
        let ids: Vec<_> = now.into_iter().map(|refused| Arc::clone(&refused.put.id)).collect();
        let is_news = !ids.is_empty();
        self.told.extend(ids);
        is_news
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// The ledger has what it says.
    All,
    /// It says nothing that could be done.
    Mistake,
    /// The ledger refuses some of it, and has the rest.
    Part,
    /// The same, as was told already.
    PartAsBefore,
    /// The ledger takes no change just now.
    NotYet,
}

#[cfg(test)]
mod tests {
    use quota_core::{Amount, RequestKey};

    use super::*;
    use crate::clock::manual::ManualClock;
    use crate::ledger::{Caller, Op};
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
        DeploymentsFile { seen: None, ..DeploymentsFile::new(path, Declared::default()) }
    }

    #[tokio::test]
    async fn who_asks_is_served() {
        let test = TestLedger::open().await;
        let path = write(&test, "deployments: {a: {tpm_limit: 5}}");
        let file = DeploymentsFile::new(path.clone(), declared::read(&path).unwrap());
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
        assert_eq!(declared::apply(&*test.ledger, puts).await.deployments, 1);
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
        assert_eq!(file.look(&*gone.ledger, &audit()).await, SOON);
        assert_eq!(file.left.len(), 1);
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(5));
    }

    /// A ledger whose `d` has a lease out, and a file that wants another kind of window for it.
    async fn with_a_lease_out() -> (TestLedger, DeploymentsFile) {
        let test = TestLedger::open().await;
        let mut file = unseen(write(&test, "deployments: {d: {tpm_limit: 5}}"));
        file.look(&*test.ledger, &audit()).await;
        let caller = Caller { credential: "c".into(), holder: "h".into() };
        let deployment = "d".into();
        let (request, all) = (RequestKey(1), Amount::new(5, 1));
        let wish = quota_core::Wish { request, min: all, want: all, ahead: false };
        let acquire = Op::Acquire { deployment, wish };
        test.ledger.run(caller, vec![acquire]).await.remove(0).unwrap();
        write(
            &test,
            "deployments: {d: {tpm_limit: 9, window: rolling}, e: {tpm_limit: 7}, f: {tpm_limit: 8}}",
        );
        (test, file)
    }

    #[tokio::test]
    async fn what_is_refused_keeps_back_nothing_else_and_is_put_once_it_can_be() {
        let (test, mut file) = with_a_lease_out().await;
        assert_eq!(file.look(&*test.ledger, &audit()).await, LOOK);
        let limits = async || {
            let of = async |id| tpm_limit(&test, id).await;
            (of("d").await, of("e").await, of("f").await)
        };
        assert_eq!(limits().await, (Some(5), Some(7), Some(8)));
        assert_eq!((file.left.len(), file.told.len()), (1, 1));
        for _ in 0..30 {
            test.clock.advance(60_000);
            test.ledger.health().await.unwrap();
            file.look(&*test.ledger, &audit()).await;
        }
        assert_eq!(limits().await, (Some(9), Some(7), Some(8)));
        assert_eq!(file.left.len(), 0);
    }

    #[tokio::test]
    async fn what_is_refused_ends_no_start() {
        let (test, file) = with_a_lease_out().await;
        let declared = declared::read(&file.path).unwrap();
        let mut file = DeploymentsFile::new(file.path, declared);
        file.begin(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "e").await, Some(7));
        assert_eq!(file.left.iter().map(|put| &*put.id).collect::<Vec<_>>(), ["d"]);
    }
}
