use quota_api::{State, Usage, UsagePair};
use quota_core::Standing;

pub(in crate::http) fn usage(standing: &Standing) -> Usage {
    Usage::by_unit(|unit| UsagePair {
        limit: standing.limit.get(unit),
        outstanding: standing.outstanding[unit],
        overrun: standing.overrun[unit],
    })
}

pub(in crate::http) const fn state(state: quota_core::State) -> State {
    match state {
        quota_core::State::Ok => State::Ok,
        quota_core::State::Endgame => State::Endgame,
        quota_core::State::Exhausted => State::Exhausted,
        quota_core::State::Quarantined => State::Quarantined,
    }
}
