//! `POST /v1/leases/{lease_id}/return`: a holder gives back.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{GiveBack, GivenBack, routes};

use crate::http::body::Json;
use crate::http::caller::{Caller, TakeLeases};
use crate::http::openapi::problems;
use crate::http::params::LeaseName;
use crate::http::{Api, Failure, wire};

problems! { Problems:
    MalformedBody, MalformedParameter, Unauthenticated, Forbidden, NotYourLease, LeaseNotFound,
    RequestTimeout, BodyTooLarge, UnsupportedMediaType, InvalidValue, ExceedsLease, Overloaded,
    LedgerUnavailable, ShuttingDown,
}

/// Give back
///
/// Running totals for the lease: repeated and reordered messages change nothing.
#[utoipa::path(
    post, path = routes::RETURN, tag = "leases", security(("bearer" = [])),
    params(("lease_id" = String, Path, description = "The lease, as its acquire named it.")),
    request_body = GiveBack,
    responses((status = 200, description = "What is credited.", body = GivenBack), Problems)
)]
pub(in crate::http) async fn give_back(
    State(api): State<Arc<Api>>,
    caller: Caller<TakeLeases>,
    LeaseName(lease): LeaseName,
    Json(give_back): Json<GiveBack>,
) -> Result<axum::Json<GivenBack>, Failure> {
    let op = wire::give_back(lease, give_back)?;
    let outcome = api.run(&caller.credential, "", vec![op]).await.pop();
    api.given_back(lease.to_string(), outcome).map(axum::Json)
}
