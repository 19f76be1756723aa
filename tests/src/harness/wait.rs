//! The one way to wait for something: look again and again, up to a bound.

use std::{future::Future, time::Duration};

use super::HarnessError;
use crate::clock;

/// How long a process has to start, or to answer.
pub const START: Duration = Duration::from_secs(30);

/// How long it takes until it is looked again.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is something to see.
///
/// # Errors
/// [`HarnessError::TimedOut`], naming `what`, when there is nothing within the bound.
pub async fn until<T, F>(
    what: &str,
    bound: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T, HarnessError>
where
    F: Future<Output = Option<T>>,
{
    let end = clock::instant() + bound;
    loop {
        if let Some(seen) = look().await {
            return Ok(seen);
        }
        if clock::instant() >= end {
            let what = what.to_owned();
            return Err(HarnessError::TimedOut { what, bound });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
