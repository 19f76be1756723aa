use std::sync::Arc;

use gateway_client::api::{Refused, Settlement};
use gateway_client::{Amount, Permit};
use http::StatusCode;

use crate::config::QuotaConfig;
use crate::routing::Member;

/// By what a request's bill is made out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Whether an unused reservation comes back.
    pub settlement: Settlement,
    /// What comes back when the provider refused.
    pub refused: Refused,
}

impl Terms {
    /// Those of the configuration.
    #[must_use]
    pub const fn of(quota: &QuotaConfig) -> Self {
        Self { settlement: quota.settlement, refused: quota.refused }
    }
}

/// What a request owes. Dropped without word, it is charged in full: the provider may have counted
/// it, and unknown usage is never refunded.
pub(super) struct Bill {
    member: Arc<Member>,
    permit: Option<Permit>,
    terms: Terms,
    open: bool,
}

impl Bill {
    pub(super) const fn new(member: Arc<Member>, permit: Option<Permit>, terms: Terms) -> Self {
        Self { member, permit, terms, open: true }
    }

    /// The provider says that it used this much.
    pub(super) fn settle(self, tokens: u64) {
        let terms = self.terms;
        self.close(tokens, |reserved| terms.used(reserved, tokens));
    }

    /// The provider refused it, and made nothing.
    pub(super) fn refuse(self) {
        let terms = self.terms;
        self.close(0, |reserved| terms.of_refused(reserved));
    }

    /// The provider never got it.
    pub(super) fn cancel(mut self) {
        self.open = false;
        self.member.target.metrics.unreached();
        if let Some(permit) = self.permit.take() {
            permit.cancel();
        }
    }

    fn close(mut self, tokens: u64, charged: impl FnOnce(Amount) -> Amount) {
        self.open = false;
        if let Some(permit) = self.permit.take() {
            let reserved = permit.amount();
            self.member.target.metrics.settled(reserved.tokens(), tokens);
            permit.settle(charged(reserved));
        }
    }
}

/// Whether a status says that nothing was made, whoever the provider is: the request, its key or
/// its rate was looked at, and no more. Not 408, 409 or any of a server's faults: work may have
/// begun.
pub(super) fn made_nothing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 404 | 413 | 415 | 422 | 429)
}

impl Terms {
    /// A provider that counts its estimate at the start gives nothing of it back.
    fn used(self, reserved: Amount, tokens: u64) -> Amount {
        let tokens = match self.settlement {
            Settlement::Refund => tokens,
            Settlement::None => tokens.max(reserved.tokens()),
        };
        Amount::new(tokens, 1)
    }

    /// Nor does it say whether it did so before it refused.
    fn of_refused(self, reserved: Amount) -> Amount {
        match (self.settlement, self.refused) {
            (Settlement::None, _) | (_, Refused::None) => reserved,
            (Settlement::Refund, Refused::RefundTokens) => Amount::new(0, reserved.requests()),
            (Settlement::Refund, Refused::Refund) => Amount::default(),
        }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if self.open {
            self.member.target.metrics.unsettled();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESERVED: Amount = Amount::new(10, 1);

    #[test]
    fn nothing_comes_back_of_an_estimate_that_the_provider_keeps() {
        let charged = |settlement, tokens| {
            Terms { settlement, ..Terms::default() }.used(RESERVED, tokens).tokens()
        };
        assert_eq!(charged(Settlement::Refund, 4), 4);
        assert_eq!(charged(Settlement::Refund, 14), 14);
        assert_eq!(charged(Settlement::None, 4), 10);
        assert_eq!(charged(Settlement::None, 14), 14);
    }

    #[test]
    fn what_a_refused_request_is_charged() {
        for (settlement, refused, tokens, requests) in [
            (Settlement::Refund, Refused::RefundTokens, 0, 1),
            (Settlement::Refund, Refused::Refund, 0, 0),
            (Settlement::Refund, Refused::None, 10, 1),
            (Settlement::None, Refused::Refund, 10, 1),
        ] {
            let charged = Terms { settlement, refused }.of_refused(RESERVED);
            assert_eq!(charged, Amount::new(tokens, requests), "{settlement:?} {refused:?}");
        }
    }

    #[test]
    fn every_status_is_charged_in_full_but_those_that_made_nothing() {
        let free =
            (100..1_000).filter(|&status| made_nothing(StatusCode::from_u16(status).unwrap()));
        assert_eq!(free.collect::<Vec<_>>(), [400, 401, 403, 404, 413, 415, 422, 429]);
    }
}
