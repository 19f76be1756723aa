//! Whose Redis it is. Deployments are told apart in Redis by the numbers that their catalogue gave them,
//! so two catalogues in one Redis would charge each other's books. The first one writes its name there;
//! servers of another one keep off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::{Value, cmd};

use super::link::{Link, LinkError};

const KEY: &str = "tl:site";

/// Here while a server harvests, or did lately.
const HARVESTED: &str = "tl:harvested";

/// How long the next harvest waits at least, ms: a little less than servers wait between two tries, so that each of
/// them, whoever it was the last time, finds it gone.
const HARVEST_MS: u32 = 25_000;

/// The name of the catalogue, in Redis.
pub(super) struct Site {
    name: Arc<str>,
    is_foreign: AtomicBool,
}

impl Site {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into(), is_foreign: AtomicBool::new(false) }
    }

    /// Another catalogue has this Redis.
    pub(super) fn is_foreign(&self) -> bool {
        self.is_foreign.load(Ordering::Acquire)
    }

    /// Whether this server is the one to harvest now.
    pub(super) async fn may_harvest(&self, link: &Link) -> bool {
        let mut take = cmd("SET");
        take.arg(HARVESTED).arg(&*self.name).arg("NX").arg("PX").arg(HARVEST_MS);
        matches!(link.run(|_| vec![take]).await.pop(), Some(Ok(Value::Okay)))
    }

    /// Writes the name if there is none, as after a loss, and says whether it is this one.
    pub(super) async fn claim(&self, link: &Link) -> Result<bool, LinkError> {
        let mut claim = cmd("SET");
        claim.arg(KEY).arg(&*self.name).arg("NX").arg("GET");
        let is_ours = match link.run(|_| vec![claim]).await.pop() {
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
