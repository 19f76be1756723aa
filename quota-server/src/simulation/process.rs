use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, Instant, sleep_until};

/// A process that can be stopped for a while. It is stopped wherever it speaks with its store:
/// between the time that it read and the commit, and between the commit and its answers.
#[derive(Debug, Clone)]
pub struct Process(Arc<Mutex<Instant>>);

impl Process {
    /// One that runs.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// It does nothing for so long.
    pub fn pause(&self, length: Duration) {
        *self.goes_on() = Instant::now() + length;
    }

    /// Whether it does anything now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        *self.goes_on() <= Instant::now()
    }

    /// Waits until it runs.
    pub(super) async fn gate(&self) {
        while !self.is_running() {
            let at = *self.goes_on();
            sleep_until(at).await;
        }
    }

    fn goes_on(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Process {
    fn default() -> Self {
        Self::new()
    }
}
