use quota_api::{Amount, State, Unit, Usage, UsagePair};
use quota_core::Standing;

pub(in crate::http) const fn amount(amount: quota_core::Amount) -> Amount {
    Amount { tokens: amount.tokens, requests: amount.requests }
}

pub(in crate::http) const fn usage(standing: &Standing) -> Usage {
    Usage {
        tokens: UsagePair {
            limit: standing.limit.tokens,
            outstanding: standing.outstanding.tokens,
            overrun: standing.overrun.tokens,
        },
        requests: UsagePair {
            limit: standing.limit.requests,
            outstanding: standing.outstanding.requests,
            overrun: standing.overrun.requests,
        },
    }
}

pub(in crate::http) const fn state(state: quota_core::State) -> State {
    match state {
        quota_core::State::Ok => State::Ok,
        quota_core::State::Endgame => State::Endgame,
        quota_core::State::Exhausted => State::Exhausted,
        quota_core::State::Quarantined => State::Quarantined,
    }
}

pub(in crate::http) const fn unit(unit: quota_core::Unit) -> Unit {
    match unit {
        quota_core::Unit::Tokens => Unit::Tokens,
        quota_core::Unit::Requests => Unit::Requests,
    }
}

/// The unit's name, which is also that of its fields.
pub(in crate::http) const fn plural(unit: Unit) -> &'static str {
    match unit {
        Unit::Tokens => "tokens",
        Unit::Requests => "requests",
    }
}
