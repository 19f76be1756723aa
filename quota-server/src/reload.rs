//! The deployments file, read again when it changes and when it is asked for.
//!
//! Who mounts it (a config map, say) swaps links, and cannot send a signal. So it is looked at now
//! and then, by its content, and so is how what it declares stands. What a ledger could not take is
//! tried again soon, and what it refuses, as another kind of window while leases are out, at each
//! look; a standby leaves it to the active server, and looks on.

#[cfg(test)]
mod tests;

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
use crate::declared::{self, Applied, Counts, Declared, FilePrint, NotApplied, Reading};
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
    seen: Option<FilePrint>,
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

    /// Puts what a start can put, unless another server does: the rest is put once it can be, and
    /// holds up no start.
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

    /// Puts what changed in the file; what the ledger does not take is planned again at the next
    /// look.
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

    /// Says of each refused deployment once why, of some at a time; whether there was any to tell
    /// of.
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
