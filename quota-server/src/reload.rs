//! The deployments file, read again when it changes and when it is asked for.
//!
//! Who mounts it (a config map, say) swaps links, and cannot send a signal. So it is looked at now
//! and then, by its content, and so is how what it declares stands. What a ledger could not take is tried
//! again soon, and what it refuses, as another kind of window while leases are out, at each look; a
//! standby leaves it to the active server, and looks on.

use std::collections::BTreeSet;
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
use crate::declared::{self, Applied, Content, Counts, Declared, NotApplied, Reading};
use crate::ledger::{Ledger, Put, Role, Unavailable};
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

/// The file, and what became of it.
#[derive(Debug)]
pub(crate) struct DeploymentsFile {
    path: PathBuf,
    /// As it was when it was last read.
    seen: Option<Content>,
    /// What it says; `None`: nothing that could be done.
    reading: Option<Reading>,
    /// Not all that it said when it was read has been done.
    unfinished: bool,
    /// The deployments of which it was said that the ledger refuses them.
    told: BTreeSet<Arc<str>>,
}

impl DeploymentsFile {
    /// A file, and what it declares.
    pub(crate) fn new(path: PathBuf, declared: Declared) -> Self {
        let Declared { content, puts } = declared;
        let reading = Some(Reading::new(puts));
        Self { path, seen: Some(content), reading, unfinished: true, told: BTreeSet::new() }
    }

    /// Puts what a start can put, unless another server does: the rest is put once it can be, and holds
    /// up no start.
    pub(crate) async fn begin(&mut self, ledger: &dyn Ledger, audit: &Audit) {
        if ledger.role() == Role::Standby {
            info!("the declared deployments are applied by the active server, once there is one");
            return;
        }
        match self.put_what_changed(ledger, audit).await {
            Took::All => self.unfinished = false,
            Took::NotYet => warn!("the deployments file cannot be applied yet: it is tried again"),
            Took::Part | Took::PartAsBefore => {}
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
                    metrics::declared(&Counts::default());
                    SOON
                }
            };
        }
    }

    /// One look; how long after it comes the next.
    async fn look(&mut self, ledger: &dyn Ledger, audit: &Audit) -> Duration {
        let (path, seen) = (self.path.clone(), self.seen);
        match spawn_blocking(move || declared::look(&path, seen)).await {
            Ok(Some((content, puts))) => {
                self.seen = Some(content);
                self.take(puts);
            }
            Ok(None) => {}
            Err(error) => error!(%error, "the deployments file could not be read"),
        }
        match self.put_what_changed(ledger, audit).await {
            Took::All if self.unfinished => {
                self.unfinished = false;
                metrics::reloaded(Reloaded::Deployments, true);
            }
            Took::Part => metrics::reloaded(Reloaded::Deployments, false),
            Took::All | Took::PartAsBefore => {}
            // Told by what watches the ledger.
            Took::NotYet => return SOON,
        }
        LOOK
    }

    /// Takes over what the file declares now, in place of what it declared before.
    fn take(&mut self, puts: Result<Vec<Put>, Mistake>) {
        self.told.clear();
        self.reading = match puts {
            Ok(puts) => Some(Reading::new(puts)),
            Err(mistake) => {
                error!(%mistake, "the deployments file has a mistake: nothing changes");
                metrics::reloaded(Reloaded::Deployments, false);
                None
            }
        };
        self.unfinished = self.reading.is_some();
    }

    /// Puts what changed in the file; what the ledger does not take is planned again at the next look.
    async fn put_what_changed(&mut self, ledger: &dyn Ledger, audit: &Audit) -> Took {
        let Some(reading) = &mut self.reading else { return Took::All };
        let all = match ledger.deployments().await {
            Ok(all) => all,
            Err(why) => return not_yet(&why),
        };
        let is_new = reading.is_new();
        let plan = reading.plan(&all);
        reading.meet(&all);
        metrics::declared(&plan.counts);
        let declared = reading.len();
        let applied = declared::apply(ledger, plan.steps).await;
        if is_new || applied.deployments > 0 {
            let Applied { deployments, created, .. } = applied;
            info!(
                declared,
                applied.deployments = deployments,
                applied.created = created,
                "the deployments file is applied"
            );
        }
        if applied.deployments > 0 {
            audit.noted(declared::ACTION, &applied.to_string()).await;
        }
        tell_not_raised(&applied.not_raised);
        let is_news = self.tell(&applied.refused);
        match &applied.away {
            Some(why) => not_yet(why),
            None if applied.overtaken > 0 => Took::NotYet,
            None if is_news => Took::Part,
            None if !applied.refused.is_empty() => Took::PartAsBefore,
            None => Took::All,
        }
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

fn not_yet(why: &Unavailable) -> Took {
    debug!(%why, "the deployments file cannot be applied yet");
    Took::NotYet
}

fn tell_not_raised(ids: &[Arc<str>]) {
    for id in ids.iter().take(LINES) {
        warn!(%id, "a deployment that was there before the file named it stays as it is: the file would raise its limit");
    }
    if let Some(more) = ids.len().checked_sub(LINES).filter(|more| *more > 0) {
        warn!(more, "and others likewise: see `quota-server deployments list`");
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// The ledger has what changed in it.
    All,
    /// The ledger refuses some of it, and has the rest.
    Part,
    /// The same, as was told already.
    PartAsBefore,
    /// The ledger takes no change just now, or somebody else was faster.
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
    async fn what_is_put_by_hand_stands_until_the_file_says_something_else() {
        let test = TestLedger::open().await;
        let mut file = unseen(write(&test, "deployments: {a: {tpm_limit: 5}}"));
        file.look(&*test.ledger, &audit()).await;
        let puts = declared::parse(&file.path, "deployments: {a: {tpm_limit: 9}}").unwrap();
        declared::put_by_hand(&*test.ledger, puts[0].clone()).await.unwrap();
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(9));
        file.seen = None;
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(9), "also if it is asked for");
        write(&test, "deployments: {a: {tpm_limit: 6}}");
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(6));
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
        assert!(file.unfinished);
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
        assert_eq!((file.unfinished, file.told.len()), (true, 1));
        for _ in 0..30 {
            test.clock.advance(60_000);
            test.ledger.health().await.unwrap();
            file.look(&*test.ledger, &audit()).await;
        }
        assert_eq!(limits().await, (Some(9), Some(7), Some(8)));
        assert!(!file.unfinished);
    }

    #[tokio::test]
    async fn what_is_refused_ends_no_start() {
        let (test, file) = with_a_lease_out().await;
        let declared = declared::read(&file.path).unwrap();
        let mut file = DeploymentsFile::new(file.path, declared);
        file.begin(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "e").await, Some(7));
        assert_eq!(file.told.iter().map(|id| &**id).collect::<Vec<_>>(), ["d"]);
    }
}
