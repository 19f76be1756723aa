//! Changes that are made to their end, whatever becomes of who asked for them.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::http::Failure;

/// Changes under way at once; more wait, and are not begun if their callers go away meanwhile.
const AT_ONCE: usize = 64;

/// Runs changes on tasks of their own. A request's future ends when its caller hangs up or its time
/// is over; a change that ended with it would be made or not, and nobody would write down which.
pub struct Changes {
    tasks: TaskTracker,
    room: Arc<Semaphore>,
}

impl Changes {
    /// Their tasks are on `tasks`: a stop waits for them.
    #[must_use]
    pub fn new(tasks: TaskTracker) -> Self {
        Self { tasks, room: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Begins a change and waits for it.
    pub(super) async fn run<T, F>(&self, change: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let place = Arc::clone(&self.room).acquire_owned().await;
        let task = self.tasks.spawn(async move {
            let ended = change.await;
            drop(place);
            ended
        });
        task.await.unwrap_or_else(|_panicked| Err(Failure::internal()))
    }

    #[cfg(test)]
    pub(super) fn are_under_way(&self) -> bool {
        self.room.available_permits() < AT_ONCE
    }

    /// Waits until none is under way.
    #[cfg(test)]
    pub(super) async fn settled(&self) {
        let all = u32::try_from(AT_ONCE).expect("a few");
        drop(self.room.acquire_many(all).await);
    }
}
