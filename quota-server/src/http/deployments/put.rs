//! `PUT /v1/deployments/{id}`: makes a deployment, or changes it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use http::{HeaderMap, StatusCode};
use quota_api::{Deployment, DeploymentSpec, routes};
use tracing::info;

use crate::declared;
use crate::http::body::Json;
use crate::http::caller::{Caller, ChangeDeployments, Origin};
use crate::http::openapi::problems;
use crate::http::params::DeploymentId;
use crate::http::wire::bounds;
use crate::http::{Api, Failure, etag, wire};

problems! { Problems:
    Standby, MalformedBody, MalformedParameter, Unauthenticated, Forbidden, RequestTimeout, FixedField,
    PreconditionFailed, BodyTooLarge, UnsupportedMediaType, InvalidValue, TooManyDeployments, Overloaded,
    LedgerUnavailable, AuditUnavailable, ShuttingDown,
}

/// Make or change a deployment
///
/// A changed limit holds for the next grant. What is put replaces all of what was there; what a
/// deployments file said of the deployment stays known, and is put again only once the file says
/// something else.
#[utoipa::path(
    put, path = routes::DEPLOYMENT, tag = "deployments", security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The deployment's id."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that it must have, or `*`."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be none."),
    ),
    request_body = DeploymentSpec,
    responses(
        (status = 200, description = "Changed, or as it was.", body = Deployment,
            headers(("ETag" = String, description = "Its version."))),
        (status = 201, description = "Made.", body = Deployment,
            headers(("ETag" = String, description = "Its version."))),
        Problems,
    )
)]
pub(in crate::http) async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller<ChangeDeployments>,
    origin: Origin,
    DeploymentId(id): DeploymentId,
    headers: HeaderMap,
    Json(spec, _place): Json<DeploymentSpec>,
) -> Result<Response, Failure> {
    let after = serde_json::to_value(&spec).map_err(|_| Failure::internal())?;
    let put = wire::put(Arc::clone(&id), spec, etag::expected(&headers)?)?;
    if api.ledger.deployment(Arc::clone(&id)).await?.is_none() {
        bounds::new_id(&id)?;
        api.room_for_another().await?;
    }
    let author = caller.author(origin);
    let ledger = Arc::clone(&api.ledger);
    let putting = async move { Ok(declared::put_by_hand(&*ledger, put).await?) };
    let stored = api.audited(&author, "deployment.put", id, after, putting).await?;
    info!(
        deployment = &*stored.id,
        by = &*author.credential.name,
        version = stored.version,
        created = stored.created,
        limit = ?stored.policy.limit,
        "a deployment was put"
    );
    let status = if stored.created { StatusCode::CREATED } else { StatusCode::OK };
    let shown = wire::shown(&stored)?;
    Ok((status, [(ETAG, etag::of(stored.version))], axum::Json(shown)).into_response())
}

#[cfg(test)]
mod tests {
    use http::Method;
    use quota_api::Code;
    use serde_json::json;

    use super::*;
    use crate::http::testing::{Answer, World, request};

    const PATH: &str = "/v1/deployments/m";

    async fn put_if(world: &World, condition: (&'static str, &str), tpm_limit: u64) -> Answer {
        let mut request = request(Method::PUT, PATH, &json!({"tpm_limit": tpm_limit}).to_string());
        request.headers_mut().insert(condition.0, condition.1.parse().unwrap());
        world.send(request).await
    }

    #[tokio::test]
    async fn made_changed_and_left_as_it_is() {
        let world = World::new().await;
        let spec = json!({"tpm_limit": 500, "model_group": "g", "labels": {"team": "a"}});
        let answer = world.put(PATH, &spec).await;
        let made: Deployment = answer.done(201);
        assert_eq!((made.id.as_str(), made.spec.tpm_limit), ("m", Some(500)));
        assert_eq!(answer.header("etag"), format!("\"{}\"", made.version));
        let same: Deployment = world.put(PATH, &spec).await.done(200);
        assert_eq!(same, made, "what changes nothing leaves the version too");
        let changed: Deployment = world.put(PATH, &json!({"rpm_limit": 5})).await.done(200);
        assert!(changed.version > made.version);
        assert_eq!((changed.spec.tpm_limit, changed.spec.model_group), (None, None), "replaced");
    }

    #[tokio::test]
    async fn an_id_that_no_path_names_or_that_reads_as_another_is_not_made() {
        let world = World::new().await;
        for id in ["%2E", "%2E%2E", "a%E2%80%AEb", "a%E2%80%A8b"] {
            let answer =
                world.put(&format!("/v1/deployments/{id}"), &json!({"tpm_limit": 1})).await;
            assert!(answer.problem(Code::InvalidValue).detail.starts_with("`id`"), "{id}");
        }
    }

    #[tokio::test]
    async fn conditions() {
        let world = World::new().await;
        put_if(&world, ("if-match", "*"), 1).await.problem(Code::PreconditionFailed);
        let answer = put_if(&world, ("if-none-match", "*"), 1).await;
        assert_eq!(answer.status, 201);
        let etag = answer.header("etag").to_owned();
        put_if(&world, ("if-none-match", "*"), 2).await.problem(Code::PreconditionFailed);
        assert_eq!(put_if(&world, ("if-match", &etag), 2).await.status, 200);
        put_if(&world, ("if-match", &etag), 3).await.problem(Code::PreconditionFailed);
        assert_eq!(put_if(&world, ("if-match", "*"), 3).await.status, 200);
        put_if(&world, ("if-match", "\"a\", \"b\""), 4).await.problem(Code::MalformedParameter);
        let stands: Deployment = world.get(PATH).await.done(200);
        assert_eq!(stands.spec.tpm_limit, Some(3));
    }

    #[tokio::test]
    async fn the_kind_of_window_is_fixed_while_grants_are_out() {
        let world = World::new().await.with_deployment().await;
        world.post("/v1/leases", &crate::http::testing::wish("r", 1)).await;
        let rolling = json!({"tpm_limit": 500, "rpm_limit": 100, "window": "rolling"});
        let problem = world.put(PATH, &rolling).await.problem(Code::FixedField);
        assert!(problem.detail.starts_with("`window`"), "{}", problem.detail);
    }

    #[tokio::test]
    async fn a_changed_limit_holds_for_the_next_grant() {
        let world = World::new().await.with_deployment().await;
        world.put(PATH, &json!({"tpm_limit": 50})).await;
        let lease = |tokens| crate::http::testing::wish("r", tokens);
        world.post("/v1/leases", &lease(51)).await.problem(Code::NeverFits);
        assert_eq!(world.post("/v1/leases", &lease(50)).await.status, 201);
    }
}
