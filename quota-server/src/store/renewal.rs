//! When the connections of a pool are to know a password that may have changed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::DatabaseUrl;

/// How long what a command printed is told to new connections. Tokens live for 15 minutes at least,
/// and a pool says to nobody when it opens one.
const PRINTED: Duration = Duration::from_secs(300);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Renewal(Mutex<Option<Instant>>);

impl Renewal {
    /// Whether it is time. What a file says is looked at for each call.
    pub(super) fn is_due(&self, database: &DatabaseUrl) -> bool {
        let Some(source) = database.source() else { return false };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = !source.is_costly() || last.is_none_or(|last| last.elapsed() >= PRINTED);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }

    /// A call failed, of whatever: the next one begins with what is so then.
    pub(super) fn failed(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::PasswordSource;

    #[tokio::test(start_paused = true)]
    async fn a_command_is_not_run_for_each_call() {
        let of = |source| DatabaseUrl::new("postgres://me@h/q", source);
        let renewal = Renewal::default();
        assert!(!renewal.is_due(&of(None)));
        let file = of(Some(PasswordSource::File("p".into())));
        assert!(renewal.is_due(&file) && renewal.is_due(&file));
        let (renewal, command) =
            (Renewal::default(), of(Some(PasswordSource::Command("p".parse().unwrap()))));
        assert!(renewal.is_due(&command) && !renewal.is_due(&command));
        renewal.failed();
        assert!(renewal.is_due(&command) && !renewal.is_due(&command));
        tokio::time::advance(PRINTED).await;
        assert!(renewal.is_due(&command));
    }
}
