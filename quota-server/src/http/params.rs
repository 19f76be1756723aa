//! What the path and the query say.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use quota_api::Code;
use serde::de::DeserializeOwned;

use super::wire::bounds;
use super::{Api, Failure};
use crate::ledger::LeaseRef;

/// The `{id}` of a deployment.
pub(super) struct DeploymentId(pub(super) Arc<str>);

impl FromRequestParts<Arc<Api>> for DeploymentId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let id = segment(parts, api).await?;
        bounds::name("id", &id)?;
        Ok(Self(id.into()))
    }
}

/// The `{lease_id}` of a lease. One that names none is of a lease that there is not.
pub(super) struct LeaseName(pub(super) LeaseRef);

impl FromRequestParts<Arc<Api>> for LeaseName {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let lease = segment(parts, api).await?.parse();
        lease.map(Self).map_err(|()| Failure::no_lease())
    }
}

async fn segment(parts: &mut Parts, api: &Arc<Api>) -> Result<String, Failure> {
    let segment = Path::<String>::from_request_parts(parts, api).await;
    let not_text = |_| Failure::new(Code::MalformedParameter, "the path is not UTF-8");
    segment.map(|Path(segment)| segment).map_err(not_text)
}

/// The query, of the shape of `T`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Failure> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query
            .map(|Query(params)| Self(params))
            .map_err(|error| Failure::new(Code::MalformedParameter, error.body_text()))
    }
}
