use std::sync::Arc;

use gateway_client::api::Settlement;
use gateway_client::{Amount, Permit};

use crate::routing::{Choice, Target};

/// What a request owes. Dropped without word, it is charged in full: the provider may have counted
/// it, and unknown usage is never refunded.
pub(super) struct Bill {
    target: Arc<Target>,
    permit: Option<Permit>,
    settlement: Settlement,
    open: bool,
}

impl Bill {
    pub(super) fn new(choice: Choice, settlement: Settlement) -> Self {
        Self { target: choice.target, permit: choice.permit, settlement, open: true }
    }

    /// The provider says that it used this much.
    pub(super) fn settle(mut self, tokens: u64) {
        self.open = false;
        let Some(permit) = self.permit.take() else {
            return;
        };
        let reserved = permit.amount().tokens;
        self.target.metrics.settled(reserved, tokens);
        permit.settle(Amount { tokens: charged(self.settlement, reserved, tokens), requests: 1 });
    }

    /// The provider never got it.
    pub(super) fn cancel(mut self) {
        self.open = false;
        self.target.metrics.unreached();
        if let Some(permit) = self.permit.take() {
            permit.cancel();
        }
    }
}

/// A provider that counts its estimate at the start gives nothing of it back.
fn charged(settlement: Settlement, reserved: u64, used: u64) -> u64 {
    match settlement {
        Settlement::Refund => used,
        Settlement::None => used.max(reserved),
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if self.open {
            self.target.metrics.unsettled();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_back_of_an_estimate_that_the_provider_keeps() {
        assert_eq!(charged(Settlement::Refund, 10, 4), 4);
        assert_eq!(charged(Settlement::Refund, 10, 14), 14);
        assert_eq!(charged(Settlement::None, 10, 4), 10);
        assert_eq!(charged(Settlement::None, 10, 14), 14);
    }
}
