use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quota_api::limits::MAX_NAME_BYTES;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::core::Core;
use crate::fleet::Fleet;

/// What all handles of a client share. When the last of them is dropped the driver stops.
#[derive(Debug)]
pub(crate) struct Handle<C: Clock> {
    pub(crate) clock: C,
    pub(crate) max_wait: Duration,
    pub(crate) fleet: Fleet,
    pub(crate) registry: Arc<Registry>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) _stop_on_drop: DropGuard,
}

/// The deployments of a client.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    known: Mutex<HashMap<Box<str>, Arc<Core>>>,
    /// Those that the driver has not seen yet.
    fresh: Mutex<Vec<Arc<Core>>>,
    pub(crate) bell: Arc<Notify>,
}

impl Registry {
    pub(crate) fn deployment(&self, id: &str) -> Arc<Core> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(core) = known.get(id) {
            return core.clone();
        }
        let core = Arc::new(Core::new(id, self.bell.clone()));
        known.insert(id.into(), core.clone());
        if is_name(id) {
            self.fresh().push(core.clone());
            self.bell.notify_one();
        } else {
            core.disown();
        }
        core
    }

    pub(crate) fn take_fresh(&self) -> Vec<Arc<Core>> {
        std::mem::take(&mut *self.fresh())
    }

    fn fresh(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Core>>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server takes it as a name. One entry with another name would fail a whole message.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control)
}
