//! What the ledger answers to the operations of a holder, as the API tells it, and as it is counted.

use std::sync::Arc;

use quota_api::{GivenBack, Lease, UseRecorded};
use quota_core::Refusal;
use tracing::{Instrument, debug_span};

use crate::auth::Credential;
use crate::http::{Api, Failure, wire};
use crate::ledger::{Caller, Op, OpError, Reply, checks};

/// What came of one operation.
pub(super) type Outcome = Result<Reply, OpError>;

impl Api {
    /// Runs operations of one holder.
    pub(super) async fn run(
        &self,
        credential: &Credential,
        holder: &str,
        ops: Vec<Op>,
    ) -> Vec<Outcome> {
        let credential = Arc::clone(&credential.name);
        let span = debug_span!("ledger", ops = ops.len());
        self.ledger.run(Caller { credential, holder: holder.into() }, ops).instrument(span).await
    }

    /// The lease that an acquire was answered with.
    pub(super) fn lease(
        &self,
        deployment: String,
        outcome: Option<Outcome>,
    ) -> Result<Lease, Failure> {
        match outcome {
            Some(Ok(Reply::Granted { lease, granted, standing })) => {
                if !granted.repeated {
                    self.lease_metrics.granted(granted.amount);
                    checks::grant(&deployment, &standing);
                }
                Ok(wire::granted(deployment, lease, &granted, &standing))
            }
            Some(Err(error)) => Err(self.refused(error)),
            _ => Err(misanswered("acquire")),
        }
    }

    /// What a return was answered with.
    pub(super) fn given_back(
        &self,
        lease_id: String,
        outcome: Option<Outcome>,
    ) -> Result<GivenBack, Failure> {
        match outcome {
            Some(Ok(Reply::Returned(returned))) => {
                self.lease_metrics.given_back(returned.credited);
                Ok(wire::given_back(lease_id, &returned))
            }
            Some(Err(error)) => Err(self.refused(error)),
            _ => Err(misanswered("return")),
        }
    }

    /// What a usage report was answered with.
    pub(super) fn recorded(
        &self,
        lease_id: String,
        outcome: Option<Outcome>,
    ) -> Result<UseRecorded, Failure> {
        match outcome {
            Some(Ok(Reply::Used(used))) => {
                self.lease_metrics.overrun(used.overrun_added.tokens);
                Ok(wire::use_recorded(lease_id, &used))
            }
            Some(Err(error)) => Err(self.refused(error)),
            _ => Err(misanswered("usage report")),
        }
    }

    fn refused(&self, error: OpError) -> Failure {
        if let OpError::Refused { refusal: Refusal::Denied(denial), .. } = &error {
            self.lease_metrics.denied(denial.unit);
        }
        error.into()
    }
}

/// The ledger answered something else than it was asked, or not at all.
fn misanswered(op: &str) -> Failure {
    tracing::error!(op, "the ledger's answer is not one to what it was asked");
    Failure::internal()
}
