use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quota_api::limits::MAX_NAME_BYTES;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::Reason;
use crate::clock::Clock;
use crate::core::Core;
use crate::fleet::Fleet;

/// What all handles of a client share. When the last of them is dropped the driver stops.
#[derive(Debug)]
pub(crate) struct Handle<C: Clock> {
    pub(crate) clock: C,
    pub(crate) max_wait: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) fleet: Fleet,
    pub(crate) registry: Arc<Registry>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) _stop_on_drop: DropGuard,
}

/// So many deployments a client knows at most. Each has a place in the driver until the client
/// ends.
const MAX_DEPLOYMENTS: usize = 16_384;

/// The deployments of a client.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    known: Mutex<Known>,
    /// Those that the driver has not seen yet.
    fresh: Mutex<Vec<Arc<Core>>>,
    pub(crate) bell: Arc<Notify>,
}

/// At most [`MAX_DEPLOYMENTS`].
#[derive(Debug, Default)]
struct Known {
    cores: HashMap<Box<str>, Arc<Core>>,
    /// Nobody asks for leases any more.
    end: Option<End>,
}

/// How the driver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The server knows everything.
    Square,
    /// The deadline came first.
    Late,
    /// Nobody told it to end.
    Dead,
}

impl End {
    const fn reason(self) -> Reason {
        match self {
            Self::Square | Self::Late => Reason::Closed,
            Self::Dead => Reason::Dead,
        }
    }
}

impl Registry {
    pub(crate) fn deployment(&self, id: &str) -> Arc<Core> {
        let mut known = self.known();
        if let Some(core) = known.cores.get(id) {
            return core.clone();
        }
        let core = Arc::new(Core::new(id, self.bell.clone()));
        if let Some(reason) = known.refusal(id) {
            core.end(reason);
            return core;
        }
        known.cores.insert(id.into(), core.clone());
        self.fresh().push(core.clone());
        self.bell.notify_one();
        core
    }

    pub(crate) fn take_fresh(&self) -> Vec<Arc<Core>> {
        std::mem::take(&mut *self.fresh())
    }

    /// The driver has ended: all draws are denied from now on, those that wait at once.
    pub(crate) fn end(&self, end: End) {
        let mut known = self.known();
        known.end = Some(end);
        for core in known.cores.values() {
            core.end(end.reason());
        }
    }

    /// How the driver ended, if it has.
    pub(crate) fn ended(&self) -> Option<End> {
        self.known().end
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self) -> MutexGuard<'_, Vec<Arc<Core>>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Why a deployment that is not known yet is not taken in. It is not kept either.
    fn refusal(&self, id: &str) -> Option<Reason> {
        match self.end {
            Some(end) => Some(end.reason()),
            None if !is_name(id) => Some(Reason::UnknownDeployment),
            None => (self.cores.len() >= MAX_DEPLOYMENTS).then_some(Reason::TooManyDeployments),
        }
    }
}

/// Whether the server takes it as a name. One entry with another name would fail a whole message.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use quota_units::Amount;

    use super::*;
    use crate::Moment;

    fn denial(core: &Core) -> Option<Reason> {
        let smallest = Amount::new(0, 1);
        core.told.load().denial(smallest, Moment::START).map(|denied| denied.reason)
    }

    #[test]
    fn a_client_keeps_a_bounded_number_of_deployments() {
        let registry = Registry::default();
        for no in 0..MAX_DEPLOYMENTS {
            assert_eq!(denial(&registry.deployment(&no.to_string())), None);
        }
        for _ in 0..2 {
            let reason = denial(&registry.deployment("one more"));
            assert_eq!(reason, Some(Reason::TooManyDeployments));
            assert_eq!(denial(&registry.deployment("")), Some(Reason::UnknownDeployment));
        }
        assert_eq!(denial(&registry.deployment("7")), None, "it is known");
        assert_eq!(registry.known().cores.len(), MAX_DEPLOYMENTS);
        assert_eq!(registry.take_fresh().len(), MAX_DEPLOYMENTS);
    }

    #[test]
    fn the_end_reaches_those_that_are_known_and_those_that_come_late() {
        let registry = Registry::default();
        let early = registry.deployment("early");
        registry.end(End::Dead);
        assert_eq!(denial(&early), Some(Reason::Dead));
        assert_eq!(denial(&registry.deployment("late")), Some(Reason::Dead));
        let mut answer = early.queue.join(Amount::default(), Moment::NEVER);
        assert!(answer.try_recv().is_ok_and(|answer| answer.is_err()), "nobody would serve it");
    }
}
