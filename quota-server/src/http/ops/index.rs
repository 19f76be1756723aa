//! `GET /`: what there is; for browsers, the dashboard.

use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::VARY;
use quota_api::routes;

use crate::http::dashboard;

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

/// What there is: the dashboard, or the routes
#[utoipa::path(
    get, path = "/", tag = "operation",
    params(("Accept" = Option<String>, Header, description = "With `text/html` in it: the dashboard.")),
    responses(
        (status = 200, description = "The routes.", content((str = "text/plain"), (str = "text/html"))),
        (status = 304, description = "The dashboard's page is as the reader has it."),
    )
)]
pub(in crate::http) async fn index(headers: HeaderMap) -> Response {
    let page = dashboard::index(&headers);
    page.unwrap_or_else(|| ([(VARY, "accept")], listed()).into_response())
}

fn listed() -> String {
    let lines = ROUTES.map(|(method, path, what)| format!("{method:6} {path:30} {what}\n"));
    format!("tokenlease quota server {}\n\n{}", env!("CARGO_PKG_VERSION"), lines.concat())
}
