use quota_api::Amount;
use quota_api::limits::{MAX_LEASE_REQUESTS, MAX_LEASE_TOKENS};

pub(super) fn plus(a: Amount, b: Amount) -> Amount {
    Amount {
        tokens: a.tokens.saturating_add(b.tokens),
        requests: a.requests.saturating_add(b.requests),
    }
}

/// What is left of `a`, in each unit by itself.
pub(super) fn less(a: Amount, b: Amount) -> Amount {
    Amount {
        tokens: a.tokens.saturating_sub(b.tokens),
        requests: a.requests.saturating_sub(b.requests),
    }
}

/// The larger of both, in each unit by itself.
pub(super) fn larger(a: Amount, b: Amount) -> Amount {
    Amount { tokens: a.tokens.max(b.tokens), requests: a.requests.max(b.requests) }
}

pub(super) fn covers(whole: Amount, part: Amount) -> bool {
    whole.tokens >= part.tokens && whole.requests >= part.requests
}

pub(super) fn is_nothing(amount: Amount) -> bool {
    amount == Amount::default()
}

/// The most of it that one lease holds.
pub(super) fn capped(amount: Amount) -> Amount {
    Amount {
        tokens: amount.tokens.min(MAX_LEASE_TOKENS),
        requests: amount.requests.min(MAX_LEASE_REQUESTS),
    }
}
