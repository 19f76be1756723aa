//! What the ledger answers to the operations of a holder, as the API tells it, and as it is
//! counted.

use std::sync::Arc;

use quota_api::{GivenBack, Lease, UseRecorded};
use quota_core::Refusal;
use tracing::{Instrument, debug_span};

use crate::http::{Failure, Rations, wire};
use crate::ledger::{Caller, Ledger, Op, OpError, Reply, checks};
use crate::metrics::LeaseMetrics;

/// What came of one operation.
pub(super) type OperationOutcome = Result<Reply, OpError>;

/// Where holders take leases, report and give back: the ledger's answers as the API tells them,
/// without HTTP.
pub struct LeaseDesk {
    /// Who keeps the book.
    pub ledger: Arc<dyn Ledger>,
    /// How many leases each credential may ask for.
    pub rations: Rations,
    /// Counts what leases are about.
    pub metrics: LeaseMetrics,
}

impl LeaseDesk {
    /// Runs operations of one holder.
    pub(super) async fn run(
        &self,
        credential: &Arc<str>,
        holder: &str,
        ops: Vec<Op>,
    ) -> Vec<OperationOutcome> {
        let credential = Arc::clone(credential);
        let span = debug_span!("ledger", ops = ops.len());
        self.ledger.run(Caller { credential, holder: holder.into() }, ops).instrument(span).await
    }

    /// The lease that an acquire was answered with.
    pub(super) fn lease(
        &self,
        deployment: String,
        outcome: Option<OperationOutcome>,
    ) -> Result<Lease, Failure> {
        match outcome {
            Some(Ok(Reply::Granted { lease, granted, standing })) => {
                if !granted.repeated {
                    self.metrics.granted(granted.amount);
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
        outcome: Option<OperationOutcome>,
    ) -> Result<GivenBack, Failure> {
        match outcome {
            Some(Ok(Reply::Returned(returned))) => {
                self.metrics.given_back(returned.credited);
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
        outcome: Option<OperationOutcome>,
    ) -> Result<UseRecorded, Failure> {
        match outcome {
            Some(Ok(Reply::Used(used))) => {
                self.metrics.overrun(used.overrun_added.tokens());
                Ok(wire::use_recorded(lease_id, &used))
            }
            Some(Err(error)) => Err(self.refused(error)),
            _ => Err(misanswered("usage report")),
        }
    }

    fn refused(&self, error: OpError) -> Failure {
        if let OpError::Refused { refusal: Refusal::Denied(denial), .. } = &error {
            self.metrics.denied(denial.unit);
        }
        error.into()
    }
}

/// The ledger answered something else than it was asked, or not at all.
fn misanswered(op: &str) -> Failure {
    tracing::error!(op, "the ledger's answer is not one to what it was asked");
    Failure::internal()
}
