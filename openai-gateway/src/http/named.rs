use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use super::error::ApiError;
use crate::body::BadRequest;

/// The model that a path names, as Azure's paths do.
pub(super) struct NamedModel(Option<String>);

impl NamedModel {
    /// It, else the body's.
    pub(super) fn or<'a>(&'a self, of_body: Option<&'a str>) -> Result<&'a str, ApiError> {
        let name = self.0.as_deref().or(of_body);
        name.ok_or_else(|| BadRequest::about("model", "is required").into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NamedModel {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let named = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        Ok(Self(named.ok().and_then(|Path(mut named)| named.remove("model"))))
    }
}
