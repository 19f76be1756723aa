//! `POST /v1/leases/batch`: one holder's beat.
//!
//! All of it is one run of the ledger: returns first, then reports, then acquires, then what the
//! holder denied by itself. An entry that is wrong in itself fails by itself and does not reach the
//! ledger; what is wrong with the batch as a whole fails all of it.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{
    AcquireItem, Batch, BatchReply, DeniedItem, GiveBack, GiveBackItem, Item, UsedItem, routes,
};
use tokio::time::Instant;

use super::outcome::{LeaseDesk, OperationOutcome};
use crate::http::body::{Json, parse};
use crate::http::caller::{Caller, TakeLeases};
use crate::http::openapi::problems;
use crate::http::wire::{self, bounds};
use crate::http::{Api, Failure};
use crate::ledger::{Op, OpError, Unavailable};

problems! { Problems:
    Standby, MalformedBody, Unauthenticated, Forbidden, RequestTimeout, BodyTooLarge, UnsupportedMediaType,
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
    Json(batch, _place): Json<Batch>,
) -> Result<axum::Json<BatchReply>, Failure> {
    api.leases.beat(&caller.credential.name, batch).await.map(axum::Json)
}

impl LeaseDesk {
    /// One holder's beat, of the caller with this credential.
    ///
    /// # Errors
    /// The batch as a whole is wrong, or another server is to be asked.
    pub async fn beat(&self, credential: &Arc<str>, batch: Batch) -> Result<BatchReply, Failure> {
        check(&batch)?;
        let mut ops =
            Vec::with_capacity(batch.give_back.len() + batch.used.len() + batch.acquire.len());
        let give_back = enter(&mut ops, batch.give_back, give_back_op);
        let used = enter(&mut ops, batch.used, wire::used);
        let rationed = self.rations.take(credential, batch.acquire.len(), Instant::now());
        let acquire = enter(&mut ops, batch.acquire, |item| {
            rationed.map_err(Failure::too_many_leases)?;
            wire::wish(item)
        });
        for (denied, op) in noted(&batch.denied) {
            ops.push(op);
            self.metrics.denied_by_holder(denied.requests);
        }
        let mut outcomes = if ops.is_empty() {
            Vec::new().into_iter()
        } else {
            elsewhere(self.run(credential, &batch.holder, ops).await)?.into_iter()
        };
        Ok(BatchReply {
            give_back: results(give_back, &mut outcomes, 200, |item: GiveBackItem, outcome| {
                self.given_back(item.lease_id, outcome)
            }),
            used: results(used, &mut outcomes, 200, |item: UsedItem, outcome| {
                self.recorded(item.lease_id, outcome)
            }),
            acquire: results(acquire, &mut outcomes, 201, |item: AcquireItem, outcome| {
                self.lease(item.deployment, outcome)
            }),
        })
    }
}

/// What the body says, without a ledger: how many operations it comes to.
pub(crate) fn operations(body: &[u8]) -> Result<usize, Failure> {
    let batch: Batch = parse(body)?;
    check(&batch)?;
    let mut ops = Vec::new();
    drop(enter(&mut ops, batch.give_back, give_back_op));
    drop(enter(&mut ops, batch.used, wire::used));
    drop(enter(&mut ops, batch.acquire, wire::wish));
    ops.extend(noted(&batch.denied).map(|(_, op)| op));
    Ok(ops.len())
}

/// A standby does nothing of a batch: the whole of it is sent to the active server.
fn elsewhere(outcomes: Vec<OperationOutcome>) -> Result<Vec<OperationOutcome>, Failure> {
    match outcomes.first() {
        Some(Err(OpError::Unavailable(standby @ Unavailable::Standby(_)))) => {
            Err(standby.clone().into())
        }
        _ => Ok(outcomes),
    }
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
    Ok(wire::give_back(lease, GiveBack { tokens, requests, closed }))
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

/// What a holder denied by itself. It gets no answer, so what is wrong in itself is left out:
/// nobody loses a lease over a statistic.
fn noted(denied: &[DeniedItem]) -> impl Iterator<Item = (&DeniedItem, Op)> {
    denied.iter().filter_map(|item| Some((item, wire::denied(item).ok()?)))
}

/// Deals the ledger's outcomes out to the entries that have one.
fn results<T, R>(
    entries: Vec<Result<T, Failure>>,
    outcomes: &mut impl Iterator<Item = OperationOutcome>,
    status: u16,
    result: impl Fn(T, Option<OperationOutcome>) -> Result<R, Failure>,
) -> Vec<Item<R>> {
    let dealt = entries.into_iter().map(|entry| {
        match entry.and_then(|item| result(item, outcomes.next())) {
            Ok(body) => Item::done(status, body),
            Err(failure) => Item::failed(failure.into_problem()),
        }
    });
    dealt.collect()
}

#[cfg(test)]
mod tests {
    use quota_api::limits::{MAX_BATCH_ITEMS, MAX_LIMIT, MAX_NAME_BYTES};
    use quota_api::{Code, Lease};
    use serde_json::{Value, json};

    use super::*;
    use crate::http::testing::{World, wish};

    fn item(request_id: &str, tokens: u64) -> Value {
        let mut item = wish(request_id, tokens);
        item.as_object_mut().unwrap().remove("holder");
        item
    }

    #[tokio::test]
    async fn what_is_given_back_can_be_granted_in_the_same_beat() {
        let world = World::new().await.with_deployment().await;
        let lease: Lease = world.post(routes::LEASES, &wish("r", 500)).await.done(201);
        let body = json!({
            "holder": "h",
            "acquire": [item("s", 300)],
            "give_back": [{"lease_id": lease.lease_id, "tokens": 300, "requests": 0}],
            "used": [{"lease_id": lease.lease_id, "tokens": 200, "requests": 1}],
        });
        let reply: BatchReply = world.post(routes::BATCH, &body).await.done(200);
        assert_eq!(reply.give_back[0].body.as_ref().unwrap().credited.tokens, 300);
        assert_eq!(reply.used[0].body.as_ref().unwrap().used.tokens, 200);
        assert_eq!(reply.acquire[0].body.as_ref().unwrap().tokens, 300);
    }

    #[tokio::test]
    async fn each_entry_has_its_own_result_in_order() {
        let world = World::new().await.with_deployment().await;
        let lease: Lease = world.post(routes::LEASES, &wish("r", 100)).await.done(201);
        let mut nowhere = item("a", 1);
        nowhere["deployment"] = json!("nowhere");
        let mut upside_down = item("b", 10);
        upside_down["tokens"]["want"] = json!(9);
        let back =
            |lease_id: &str, tokens| json!({"lease_id": lease_id, "tokens": tokens, "requests": 0});
        let body = json!({
            "holder": "h",
            "acquire": [nowhere, item("c", 100), upside_down, item("d", 501), item("e", 400)],
            "give_back": [back("what", 1), back(&lease.lease_id, 101), back(&lease.lease_id, 10)],
            "used": [back("what", 1), back(&lease.lease_id, 90)],
        });
        let reply: BatchReply = world.post(routes::BATCH, &body).await.done(200);
        let codes = |problem: &Option<Box<quota_api::Problem>>| problem.as_ref().map(|it| it.code);
        let acquire: Vec<_> = reply.acquire.iter().map(|item| codes(&item.problem)).collect();
        use Code::{
            DeploymentNotFound, ExceedsLease, Exhausted, InvalidValue, LeaseNotFound, NeverFits,
        };
        assert_eq!(
            acquire,
            [Some(DeploymentNotFound), None, Some(InvalidValue), Some(NeverFits), Some(Exhausted)]
        );
        assert_eq!((reply.acquire[1].status, reply.acquire[4].status), (201, 429));
        let give_back: Vec<_> = reply.give_back.iter().map(|item| codes(&item.problem)).collect();
        assert_eq!(give_back, [Some(LeaseNotFound), Some(ExceedsLease), None]);
        let used: Vec<_> = reply.used.iter().map(|item| codes(&item.problem)).collect();
        assert_eq!(used, [Some(LeaseNotFound), None]);
    }

    #[tokio::test]
    async fn what_holders_denied_is_noted() {
        let world = World::new().await.with_deployment().await;
        let denied = |deployment| json!({"deployment": deployment, "tokens": 45, "requests": 3});
        let body = json!({"holder": "h", "denied": [denied("m"), denied("gone")]});
        let reply: BatchReply = world.post(routes::BATCH, &body).await.done(200);
        assert_eq!(reply, BatchReply::default());
        let books: Value = world.get("/v1/deployments/m/windows").await.done(200);
        assert_eq!(books["windows"][0]["denied"], json!({"tokens": 45, "requests": 3}));
    }

    #[tokio::test]
    async fn what_holders_denied_fails_nothing_else() {
        let world = World::new().await.with_deployment().await;
        let denied = |deployment: &str, tokens| json!({"deployment": deployment, "tokens": tokens, "requests": 3});
        let bad =
            [denied("", 1), denied(&"x".repeat(MAX_NAME_BYTES + 1), 1), denied("m", MAX_LIMIT + 1)];
        for (n, bad) in bad.into_iter().enumerate() {
            let body = json!({
                "holder": "h",
                "acquire": [item(&n.to_string(), 1)],
                "denied": [bad, denied("m", 5)],
            });
            let reply: BatchReply = world.post(routes::BATCH, &body).await.done(200);
            assert_eq!(reply.acquire[0].status, 201, "{body}");
        }
        let books: Value = world.get("/v1/deployments/m/windows").await.done(200);
        assert_eq!(books["windows"][0]["denied"], json!({"tokens": 15, "requests": 9}));
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_whole_fails_the_whole() {
        let world = World::new().await.with_deployment().await;
        let many: Vec<Value> = (0..=MAX_BATCH_ITEMS).map(|n| item(&n.to_string(), 1)).collect();
        for (body, field) in [
            (json!({"holder": ""}), "`holder`"),
            (json!({"holder": "h", "acquire": many}), "`acquire`"),
        ] {
            let problem = world.post(routes::BATCH, &body).await.problem(Code::InvalidValue);
            assert!(problem.detail.starts_with(field), "{}", problem.detail);
        }
        let books: Value = world.get("/v1/deployments/m/windows").await.done(200);
        assert_eq!(books["windows"], json!([]), "nothing was done");
    }
}
