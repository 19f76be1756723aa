//! Whose Redis it is. Deployments are told apart in Redis by the numbers that their catalogue gave
//! them, so two catalogues in one Redis would charge each other's books. The first one writes its
//! name there; servers of another one keep off.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redis::{Value, cmd};

use super::link::{Link, LinkError};

const KEY: &str = "tl:site";

/// Here while a server harvests, or did lately.
const HARVESTED: &str = "tl:harvested";

/// How long the next harvest waits at least, ms: a little less than servers wait between two tries,
/// so that each of them, whoever it was the last time, finds it gone.
const HARVEST_MS: u32 = 25_000;

/// The name of a cluster, whose nodes and processes come and go.
const CLUSTER: &str = "tl:cluster";

/// The process that was used last with these data.
const PROCESS: &str = "tl:process";

/// What a start of a server counts its marks in, and how long they are kept without a new one, ms.
const MARKS: &str = "tl:marks:";
const MARKS_MS: u32 = 3_600_000;

/// The name of the catalogue, in Redis.
pub(super) struct Site {
    name: Arc<str>,
    /// No other start of any server has it.
    start: Arc<str>,
    is_foreign: AtomicBool,
    /// What this server wrote last for the process that is used.
    used: Mutex<Option<Arc<str>>>,
    /// The name of the cluster, as it said last.
    cluster: Mutex<Option<Arc<str>>>,
    /// The last mark that was sent, and the last that was answered.
    sent: AtomicU64,
    answered: AtomicU64,
}

impl Site {
    pub(super) fn new(name: &str, start: &str) -> Self {
        let (name, start) = (name.into(), start.into());
        let (used, cluster) = (Mutex::default(), Mutex::default());
        let (is_foreign, sent, answered) = (AtomicBool::default(), 0.into(), 0.into());
        Self { name, start, is_foreign, used, cluster, sent, answered }
    }

    /// Writes down which process these data are used in, once for each. Where that fails a restart
    /// takes longer.
    pub(super) async fn use_as(&self, link: &Link, process: Arc<str>) {
        if self.used.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&process) {
            return;
        }
        let mut set = cmd("SET");
        set.arg(PROCESS).arg(&*process);
        if matches!(link.run(vec![set]).await.pop(), Some(Ok(Value::Okay))) {
            *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        }
    }

    /// Which process these data were used in last.
    pub(super) async fn used(&self, link: &Link) -> Option<Arc<str>> {
        let mut get = cmd("GET");
        get.arg(PROCESS);
        match link.run(vec![get]).await.pop() {
            Some(Ok(Value::BulkString(name))) => String::from_utf8(name).ok().map(Into::into),
            _ => None,
        }
    }

    /// Leaves a mark, by which this server knows these data again after a restart: an older copy of
    /// them lacks it. Only of a Redis that keeps everything would anybody ask for it.
    pub(super) async fn mark(&self, link: &Link) {
        if !link.keeps() {
            return;
        }
        let mark = self.sent.fetch_add(1, Ordering::AcqRel) + 1;
        let mut set = cmd("SET");
        set.arg(self.marks()).arg(mark).arg("PX").arg(MARKS_MS);
        if matches!(link.run(vec![set]).await.pop(), Some(Ok(Value::Okay))) {
            self.answered.fetch_max(mark, Ordering::AcqRel);
        }
    }

    /// Whether the last mark of this server is there: then all is that was written before it,
    /// whoever wrote it.
    pub(super) async fn is_marked(&self, link: &Link) -> bool {
        let mut get = cmd("GET");
        get.arg(self.marks());
        let Some(Ok(Value::BulkString(mark))) = link.run(vec![get]).await.pop() else {
            return false;
        };
        let mark = String::from_utf8(mark).ok().and_then(|mark| mark.parse().ok());
        mark.is_some_and(|mark: u64| mark >= self.answered.load(Ordering::Acquire))
    }

    fn marks(&self) -> String {
        format!("{MARKS}{}", self.start)
    }

    /// The name of a cluster, written by the first server that asks. While the shard that has it
    /// does not answer it is what it was; `None`: that was never heard.
    pub(super) async fn cluster(&self, link: &Link) -> Option<Arc<str>> {
        let mut name = cmd("SET");
        name.arg(CLUSTER).arg(&*self.start).arg("NX").arg("GET");
        let said = match link.run(vec![name]).await.pop() {
            Some(Ok(Value::Nil)) => Some(self.start.clone()),
            Some(Ok(Value::BulkString(name))) => String::from_utf8(name).ok().map(Into::into),
            _ => None,
        };
        let mut known = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_some() {
            *known = said;
        }
        known.clone()
    }

    /// Another catalogue has this Redis.
    pub(super) fn is_foreign(&self) -> bool {
        self.is_foreign.load(Ordering::Acquire)
    }

    /// Whether this server is the one to harvest now.
    pub(super) async fn may_harvest(&self, link: &Link) -> bool {
        let mut take = cmd("SET");
        take.arg(HARVESTED).arg(&*self.name).arg("NX").arg("PX").arg(HARVEST_MS);
        matches!(link.run(vec![take]).await.pop(), Some(Ok(Value::Okay)))
    }

    /// Writes the name if there is none, as after a loss, and says whether it is this one.
    pub(super) async fn claim(&self, link: &Link) -> Result<bool, LinkError> {
        let mut claim = cmd("SET");
        claim.arg(KEY).arg(&*self.name).arg("NX").arg("GET");
        let is_ours = match link.run(vec![claim]).await.pop() {
            Some(Ok(Value::Nil)) => true,
            Some(Ok(Value::BulkString(name))) => name == self.name.as_bytes(),
            Some(Err(error)) => return Err(error),
            _ => false,
        };
        let was_foreign = self.is_foreign.swap(!is_ours, Ordering::AcqRel);
        if !is_ours && !was_foreign {
            tracing::error!("another catalogue has taken this Redis: nothing is granted here");
        }
        Ok(is_ours)
    }
}
