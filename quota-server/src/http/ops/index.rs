//! `GET /`: what there is.

use quota_api::routes;

const ROUTES: [(&str, &str, &str); 14] = [
    ("POST", routes::LEASES, "acquire a lease"),
    ("POST", routes::BATCH, "returns, reports and acquires together"),
    ("POST", routes::RETURN, "give back"),
    ("GET", routes::DEPLOYMENTS, "all deployments"),
    ("PUT", routes::DEPLOYMENT, "make or change a deployment"),
    ("GET", routes::DEPLOYMENT, "one deployment"),
    ("DELETE", routes::DEPLOYMENT, "remove a deployment"),
    ("GET", routes::WINDOWS, "the books of its last windows"),
    ("GET", routes::DEPLOYMENT_LEASES, "who holds what"),
    ("GET", routes::OVERVIEW, "every deployment at a glance"),
    ("GET", routes::HEALTHZ, "liveness"),
    ("GET", routes::READYZ, "readiness"),
    ("GET", routes::METRICS, "Prometheus metrics"),
    ("GET", routes::OPENAPI, "the OpenAPI document"),
];

/// What there is
#[utoipa::path(
    get, path = "/", tag = "operation",
    responses((status = 200, description = "The routes.", body = str, content_type = "text/plain"))
)]
pub(in crate::http) async fn index() -> String {
    let lines = ROUTES.map(|(method, path, what)| format!("{method:6} {path:30} {what}\n"));
    format!("tokenlease quota server {}\n\n{}", env!("CARGO_PKG_VERSION"), lines.concat())
}
