//! `GET /v1/deployments`: the deployments, some of them or all.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use quota_api::{Code, DeploymentList, routes};
use serde::Deserialize;

use crate::http::caller::{Caller, ReadDeployments};
use crate::http::openapi::problems;
use crate::http::params::Params;
use crate::http::{Api, Failure, wire};
use crate::ledger::{DeploymentPage, LOOKED_AT};

problems! { Problems:
    MalformedParameter, Unauthenticated, Forbidden, InvalidValue, Overloaded, LedgerUnavailable, ShuttingDown,
}

/// Which of them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// What the answer before called `next`; from the first where absent.
    after: Option<String>,
    /// How many at most, from 1 to 1 000; 1 000 where only `after` is there.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<usize>,
}

impl ListQuery {
    /// The number of its first deployment, and how many there may be; nothing where all are asked
    /// for.
    fn asked(&self) -> Result<Option<(u32, usize)>, Failure> {
        if self.after.is_none() && self.limit.is_none() {
            return Ok(None);
        }
        let limit = self.limit.unwrap_or(LOOKED_AT);
        if !(1..=LOOKED_AT).contains(&limit) {
            return Err(Failure::invalid("limit", format!("must be from 1 to {LOOKED_AT}")));
        }
        let unreadable =
            |_| Failure::new(Code::MalformedParameter, "`after` must be the `next` of an answer");
        let first = self.after.as_deref().map_or(Ok(0), |after| after.parse().map_err(unreadable));
        Ok(Some((first?, limit)))
    }
}

/// The deployments
///
/// With `limit` or `after` by pages, in an order that no change touches: while there is a `next`,
/// there may be more. A page can be short, or empty, before the last. With neither all of them in
/// one answer, by id.
#[utoipa::path(
    get, path = routes::DEPLOYMENTS, tag = "deployments", security(("bearer" = [])),
    params(ListQuery),
    responses((status = 200, description = "The deployments.", body = DeploymentList), Problems)
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _caller: Caller<ReadDeployments>,
    Params(page): Params<ListQuery>,
) -> Result<Response, Failure> {
    let Some((first, limit)) = page.asked()? else {
        return api.all_deployments.of(&*api.ledger).await;
    };
    let DeploymentPage { mut deployments, mut next } = api.ledger.some_deployments(first).await?;
    if let Some((cut, _)) = deployments.get(limit) {
        next = Some(*cut);
        deployments.truncate(limit);
    }
    let shown = deployments.iter().map(|(_, stored)| wire::shown(stored));
    let deployments = shown.collect::<Result<_, _>>()?;
    let next = next.map(|number| number.to_string());
    Ok(axum::Json(DeploymentList { deployments, next }).into_response())
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::http::testing::{World, request};

    async fn ids(world: &World, path: &str) -> (Vec<String>, Option<String>) {
        let list: DeploymentList = world.get(path).await.done(200);
        let ids = list.deployments.iter().map(|deployment| deployment.id.clone());
        (ids.collect(), list.next)
    }

    #[tokio::test]
    async fn by_id() {
        let world = World::new().await;
        let none: DeploymentList = world.get(routes::DEPLOYMENTS).await.done(200);
        assert_eq!(none, DeploymentList::default());
        for id in ["b", "c", "a"] {
            world.put(&format!("/v1/deployments/{id}"), &json!({"tpm_limit": 1})).await;
        }
        assert_eq!(ids(&world, routes::DEPLOYMENTS).await.0, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn by_pages() {
        let world = World::new().await;
        for id in ["b", "c", "a", "d", "e"] {
            world.put(&format!("/v1/deployments/{id}"), &json!({"tpm_limit": 1})).await;
        }
        let gone = request(Method::DELETE, "/v1/deployments/a", "");
        assert_eq!(world.send(gone).await.status, 204);
        let (first, next) = ids(&world, "/v1/deployments?limit=2").await;
        assert_eq!(first, ["b", "c"]);
        let next = next.unwrap();
        // What is made or changed in between moves none of the others.
        world.put("/v1/deployments/b", &json!({"tpm_limit": 2})).await;
        let (second, end) = ids(&world, &format!("/v1/deployments?limit=2&after={next}")).await;
        assert_eq!(second, ["d", "e"]);
        assert_eq!(end, None);
        let (rest, _) = ids(&world, &format!("/v1/deployments?after={next}")).await;
        assert_eq!(rest, ["d", "e"]);
        let (beyond, end) = ids(&world, "/v1/deployments?after=4294967295").await;
        assert!(beyond.is_empty() && end.is_none());
    }

    #[tokio::test]
    async fn only_pages_that_there_can_be() {
        let world = World::new().await;
        for (query, code) in [
            ("limit=0", Code::InvalidValue),
            ("limit=1001", Code::InvalidValue),
            ("limit=x", Code::MalformedParameter),
            ("after=x", Code::MalformedParameter),
            ("before=1", Code::MalformedParameter),
        ] {
            world.get(&format!("/v1/deployments?{query}")).await.problem(code);
        }
    }
}
