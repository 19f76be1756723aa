use quota_api::{
    AcquireItem, Ask, DeniedItem, GiveBack, GivenBack, HeldLease, Lease, LeaseWindow, UseRecorded,
    UsedItem, Which,
};
use quota_core::{Amount, Granted, RequestKey, Returned, Standing, Used, Wish};
use xxhash_rust::xxh3::xxh3_128;

use super::{bounds, deployment, state, usage};
use crate::http::Failure;
use crate::ledger::{Held, LeaseRef, Op};

/// A wish for a lease.
pub(in crate::http) fn wish(item: &AcquireItem) -> Result<Op, Failure> {
    bounds::name("deployment", &item.deployment)?;
    bounds::name("request_id", &item.request_id)?;
    bounds::ask("tokens", item.tokens)?;
    bounds::ask("requests", item.requests)?;
    let both = |part: fn(Ask) -> u64| Amount::new(part(item.tokens), part(item.requests));
    let wish = Wish {
        request: RequestKey(xxh3_128(item.request_id.as_bytes())),
        min: both(|ask| ask.min),
        want: both(|ask| ask.want),
        ahead: item.window == Which::Next,
    };
    Ok(Op::Acquire { deployment: item.deployment.as_str().into(), wish })
}

/// A return. The lease itself is the bound of its totals.
pub(in crate::http) const fn give_back(lease: LeaseRef, wire: GiveBack) -> Op {
    lease.give_back(Amount::new(wire.tokens, wire.requests), wire.closed)
}

/// A usage report. The lease itself is the bound of what is used out of it.
pub(in crate::http) fn used(item: &UsedItem) -> Result<Op, Failure> {
    let lease: LeaseRef = item.lease_id.parse().map_err(|()| Failure::no_lease())?;
    bounds::number("overrun.tokens", item.overrun.tokens)?;
    bounds::number("overrun.requests", item.overrun.requests)?;
    let overrun = Amount::new(item.overrun.tokens, item.overrun.requests);
    Ok(lease.report(Amount::new(item.tokens, item.requests), overrun))
}

/// Draws that a holder denied by itself.
pub(in crate::http) fn denied(item: &DeniedItem) -> Result<Op, Failure> {
    bounds::name("denied.deployment", &item.deployment)?;
    bounds::number("denied.tokens", item.tokens)?;
    bounds::number("denied.requests", item.requests)?;
    Ok(Op::Denied {
        deployment: item.deployment.as_str().into(),
        amount: Amount::new(item.tokens, item.requests),
    })
}

/// A lease.
pub(in crate::http) fn granted(
    deployment: String,
    lease: LeaseRef,
    granted: &Granted,
    standing: &Standing,
) -> Lease {
    Lease {
        lease_id: lease.to_string(),
        deployment,
        tokens: granted.amount.tokens(),
        requests: granted.amount.requests(),
        starts_in_ms: granted.starts_in_ms,
        expires_in_ms: granted.expires_in_ms,
        window: LeaseWindow {
            kind: deployment::kind_shown(standing.kind),
            ends_in_ms: granted.credit_ends_in_ms,
            returns_in_ms: granted.returns_in_ms,
        },
        state: state(standing.state),
        usage: usage(standing),
    }
}

/// The answer to a return.
pub(in crate::http) fn given_back(lease_id: String, returned: &Returned) -> GivenBack {
    GivenBack {
        lease_id,
        credited: returned.credited.into(),
        given_back: returned.given_back.into(),
    }
}

/// The answer to a usage report.
pub(in crate::http) fn use_recorded(lease_id: String, used: &Used) -> UseRecorded {
    UseRecorded { lease_id, used: used.used.into(), overrun: used.overrun.into() }
}

/// A lease in someone's hands.
pub(in crate::http) fn held(held: &Held) -> HeldLease {
    HeldLease {
        lease_id: held.name.to_string(),
        holder: held.holder.to_string(),
        granted: held.lease.granted.into(),
        given_back: held.lease.given_back.into(),
        used: held.lease.used.into(),
        starts_in_ms: held.lease.starts_in_ms,
        expires_in_ms: held.lease.expires_in_ms,
    }
}
