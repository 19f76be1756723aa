//! What is put by hand leaves the memory of the file as it is.

use std::sync::Arc;

use crate::http::wire;
use crate::ledger::{Expected, Ledger, Put, PutError, Stored, Unavailable};

/// How often somebody else may be faster.
const TRIES: usize = 16;

/// Makes or changes a deployment as `put` says, and keeps what the deployments file said of it.
///
/// # Errors
/// As [`Ledger::put`]. `Overloaded`: others changed it again and again meanwhile; nothing happened.
pub(crate) async fn put(ledger: &dyn Ledger, put: Put) -> Result<Stored, PutError> {
    for _ in 0..TRIES {
        let stored = ledger.deployment(Arc::clone(&put.id)).await?;
        let kept = stored.and_then(|stored| Some((wire::memory(&stored.details)?, stored.version)));
        let Some((memory, version)) = kept else { return ledger.put(put).await };
        // What is remembered is that of this version.
        let expected = match put.expected {
            None | Some(Expected::Some) => Some(Expected::Version(version)),
            other => other,
        };
        let is_free = expected != put.expected;
        let keeping = Put { expected, ..wire::remembering(put.clone(), memory) };
        match ledger.put(keeping).await {
            Err(PutError::Unexpected) if is_free => {}
            done => return done,
        }
    }
    Err(Unavailable::Overloaded.into())
}
