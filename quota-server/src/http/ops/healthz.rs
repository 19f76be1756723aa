//! `GET /healthz`: the process lives. Asks nobody, so that a ledger that is away gets no server
//! restarted.

use quota_api::routes;

/// Liveness
#[utoipa::path(
    get, path = routes::HEALTHZ, tag = "operation",
    responses((status = 200, description = "The process lives.", body = str, content_type = "text/plain"))
)]
pub(in crate::http) async fn healthz() -> &'static str {
    "alive\n"
}
