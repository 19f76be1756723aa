//! The servers and the way to them: shared by the driver and by calls that somebody waits for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quota_api::{BatchReply, DeploymentSpec};
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::refill::Failure;
use crate::servers::{Outcome, Servers, Target};
use crate::transport::{Transport, Trouble, outcome};
use crate::{CallError, Moment};

/// A call goes to so many servers at most before its failure is told.
const TRIES: usize = 8;

#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    pub(crate) transport: Transport,
    servers: Arc<Mutex<Servers>>,
}

impl Fleet {
    pub(crate) fn new(transport: Transport, servers: Servers) -> Self {
        Self { transport, servers: Arc::new(Mutex::new(servers)) }
    }

    /// Never to be held over an await.
    pub(crate) fn servers(&self) -> MutexGuard<'_, Servers> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what became of a batch.
    pub(crate) fn heard(
        &self,
        target: &Target,
        answer: &Result<BatchReply, CallError>,
        sent_at: Moment,
        now: Moment,
    ) -> Option<Failure> {
        let mut servers = self.servers();
        let outcome = match answer.as_ref().map_or(Trouble::None, Trouble::of) {
            Trouble::None => outcome(answer),
            Trouble::All if servers.has_other(target.no, now) => {
                Outcome::Lost { retry_after: None }
            }
            Trouble::Some | Trouble::All => Outcome::Troubled,
        };
        servers.heard(target.no, outcome, sent_at, now)
    }

    /// Makes or changes a deployment, reads it, or all where none is named, on the first server
    /// that can. Repeating it is safe.
    pub(crate) async fn catalogue<T: DeserializeOwned>(
        &self,
        clock: &impl Clock,
        id: Option<&str>,
        spec: Option<&DeploymentSpec>,
    ) -> Result<T, CallError> {
        let mut tries = 0;
        loop {
            let sent_at = clock.now();
            let target = self.servers().pick(sent_at);
            let answer = self.transport.catalogue(&target.origin, id, spec).await;
            tries += 1;
            if is_final(&answer) || tries == TRIES {
                return answer;
            }
            let outcome = outcome(&answer);
            let failure = self.servers().heard(target.no, outcome, sent_at, clock.now());
            if failure != Some(Failure::Elsewhere) {
                return answer;
            }
        }
    }
}

/// Whether another server would answer the same.
fn is_final<T>(answer: &Result<T, CallError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(CallError::Problem(problem)) => !problem.code.is_retryable(),
        Err(_) => false,
    }
}
