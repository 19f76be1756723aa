//! `GET /v1/deployments/{id}/windows`: the books of the last windows.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{WindowList, routes};
use serde::Deserialize;

use crate::http::caller::{Caller, ReadBooks};
use crate::http::openapi::problems;
use crate::http::params::{DeploymentId, Params};
use crate::http::{Api, Failure, wire};

/// A week of minutes.
const MOST_WINDOWS: u64 = 7 * 24 * 60;

problems! { Problems:
    MalformedParameter, Unauthenticated, Forbidden, DeploymentNotFound, InvalidValue, Overloaded,
    LedgerUnavailable, ShuttingDown,
}

/// How far back.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct WindowsQuery {
    /// How many minutes back, from 1 to 10 080; 60 where absent.
    #[serde(default = "an_hour")]
    #[param(minimum = 1, maximum = 10_080, default = 60)]
    last: u64,
}

const fn an_hour() -> u64 {
    60
}

/// The books of a deployment's last windows, newest first
///
/// Each adds up: granted = given back + used + held + burnt.
#[utoipa::path(
    get, path = routes::WINDOWS, tag = "deployments", security(("bearer" = [])),
    params(("id" = String, Path, description = "The deployment's id."), WindowsQuery),
    responses((status = 200, description = "The books.", body = WindowList), Problems)
)]
pub(in crate::http) async fn windows(
    State(api): State<Arc<Api>>,
    _caller: Caller<ReadBooks>,
    DeploymentId(id): DeploymentId,
    Params(WindowsQuery { last }): Params<WindowsQuery>,
) -> Result<axum::Json<WindowList>, Failure> {
    if !(1..=MOST_WINDOWS).contains(&last) {
        return Err(Failure::invalid("last", format_args!("must be from 1 to {MOST_WINDOWS}")));
    }
    let pages = api.ledger.windows(id, last).await?.ok_or_else(Failure::no_deployment)?;
    let windows = pages.iter().map(wire::book).collect::<Result<_, _>>()?;
    Ok(axum::Json(WindowList { windows }))
}

#[cfg(test)]
mod tests {
    use quota_api::{Amount, Code};

    use super::*;
    use crate::http::testing::{World, wish};

    #[tokio::test]
    async fn newest_first_and_each_adds_up() {
        let world = World::new().await.with_deployment().await;
        world.post("/v1/leases", &wish("r", 400)).await;
        world.clock.advance(60_000);
        world.post("/v1/leases", &wish("s", 100)).await;
        let books: WindowList = world.get("/v1/deployments/m/windows").await.done(200);
        let [open, past] = &books.windows[..] else { panic!("two windows, not {books:?}") };
        assert_eq!((open.granted.tokens, open.held.tokens, open.over), (100, 100, false));
        assert_eq!((past.granted.tokens, past.burnt.tokens, past.over), (400, 400, true));
        assert_eq!(open.starts_at, "2025-11-14T00:01:00Z");
        assert_eq!(past.starts_at, "2025-11-14T00:00:00Z");
        assert_eq!((past.given_back, past.used, past.held), Default::default());
        assert_eq!(past.overrun, Amount::default());
    }

    #[tokio::test]
    async fn as_far_back_as_is_asked_for() {
        let world = World::new().await.with_deployment().await;
        world.post("/v1/leases", &wish("r", 1)).await;
        world.clock.advance(60_000);
        world.post("/v1/leases", &wish("s", 1)).await;
        let books: WindowList = world.get("/v1/deployments/m/windows?last=1").await.done(200);
        assert_eq!(books.windows.len(), 1);
        world.get("/v1/deployments/other/windows").await.problem(Code::DeploymentNotFound);
    }
}
