//! `POST /v1/leases/batch`: one holder's beat.
//!
//! All of it is one run of the ledger: returns first, then reports, then acquires, then what the
//! holder denied by itself. An entry that is wrong in itself fails by itself and does not reach the
//! ledger; what is wrong with the batch as a whole fails all of it.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{AcquireItem, Batch, BatchReply, GiveBack, GiveBackItem, Item, UsedItem, routes};

use super::outcome::Outcome;
use crate::http::body::Json;
use crate::http::caller::{Caller, TakeLeases};
use crate::http::openapi::problems;
use crate::http::wire::{self, bounds};
use crate::http::{Api, Failure};
use crate::ledger::Op;

problems! { Problems:
    MalformedBody, Unauthenticated, Forbidden, RequestTimeout, BodyTooLarge, UnsupportedMediaType,
    InvalidValue, Overloaded, LedgerUnavailable, ShuttingDown,
}

/// One holder's beat
///
/// Returns, usage reports and acquires together: one result for each entry, in order, each with the
/// status that the single call would have had.
#[utoipa::path(
    post, path = routes::BATCH, tag = "leases", security(("bearer" = [])),
    request_body = Batch,
    responses((status = 200, description = "The results.", body = BatchReply), Problems)
)]
pub(in crate::http) async fn batch(
    State(api): State<Arc<Api>>,
    caller: Caller<TakeLeases>,
    Json(batch): Json<Batch>,
) -> Result<axum::Json<BatchReply>, Failure> {
    check(&batch)?;
    let mut ops =
        Vec::with_capacity(batch.give_back.len() + batch.used.len() + batch.acquire.len());
    let give_back = enter(&mut ops, batch.give_back, give_back_op);
    let used = enter(&mut ops, batch.used, wire::used);
    let acquire = enter(&mut ops, batch.acquire, wire::wish);
    for denied in &batch.denied {
        ops.push(wire::denied(denied)?);
        api.lease_metrics.denied_by_holder(denied.requests);
    }
    let mut outcomes = if ops.is_empty() {
        Vec::new().into_iter()
    } else {
        api.run(&caller.credential, &batch.holder, ops).await.into_iter()
    };
    Ok(axum::Json(BatchReply {
        give_back: results(give_back, &mut outcomes, 200, |item: GiveBackItem, outcome| {
            api.given_back(item.lease_id, outcome)
        }),
        used: results(used, &mut outcomes, 200, |item: UsedItem, outcome| {
            api.recorded(item.lease_id, outcome)
        }),
        acquire: results(acquire, &mut outcomes, 201, |item: AcquireItem, outcome| {
            api.lease(item.deployment, outcome)
        }),
    }))
}

fn check(batch: &Batch) -> Result<(), Failure> {
    bounds::name("holder", &batch.holder)?;
    bounds::items("acquire", batch.acquire.len())?;
    bounds::items("give_back", batch.give_back.len())?;
    bounds::items("used", batch.used.len())?;
    bounds::items("denied", batch.denied.len())
}

fn give_back_op(item: &GiveBackItem) -> Result<Op, Failure> {
    let lease = item.lease_id.parse().map_err(|()| Failure::no_lease())?;
    let GiveBackItem { tokens, requests, closed, .. } = *item;
    wire::give_back(lease, GiveBack { tokens, requests, closed })
}

/// Adds the operations of the entries that are right in themselves.
fn enter<T>(
    ops: &mut Vec<Op>,
    items: Vec<T>,
    op: impl Fn(&T) -> Result<Op, Failure>,
) -> Vec<Result<T, Failure>> {
    let entered = items.into_iter().map(|item| {
        ops.push(op(&item)?);
        Ok(item)
    });
    entered.collect()
}

/// Deals the ledger's outcomes out to the entries that have one.
fn results<T, R>(
    entries: Vec<Result<T, Failure>>,
    outcomes: &mut impl Iterator<Item = Outcome>,
    status: u16,
    result: impl Fn(T, Option<Outcome>) -> Result<R, Failure>,
) -> Vec<Item<R>> {
    let dealt = entries.into_iter().map(|entry| {
        match entry.and_then(|item| result(item, outcomes.next())) {
            Ok(body) => Item::done(status, body),
            Err(failure) => Item::failed(failure.into_problem()),
        }
    });
    dealt.collect()
}
