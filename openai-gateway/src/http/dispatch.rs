//! What all calls have in common: find the group, draw, send.

use axum::response::Response;
use http::{HeaderName, HeaderValue};

use super::error::ApiError;
use super::limits;
use crate::app::App;
use crate::routing::{Choice, Group, Need};
use crate::upstream::Call;

const DEPLOYMENT: HeaderName = HeaderName::from_static("x-tokenlease-deployment");

pub(super) fn find<'a>(app: &'a App, model: &str) -> Result<&'a Group, ApiError> {
    app.groups.find(model).ok_or_else(|| ApiError::model_not_found(model))
}

pub(super) async fn draw(app: &App, group: &Group, need: &Need) -> Result<Choice, ApiError> {
    let drawn = group.draw(need, &mut app.dice.roll()).await;
    drawn.map_err(|denial| ApiError::denied(&group.name, &denial))
}

/// Sends the call and hands on the answer. A success says how much is left; a failure keeps the
/// provider's own headers.
pub(super) async fn send(app: &App, choice: Choice, call: Call) -> Result<Response, ApiError> {
    let target = choice.target.clone();
    let answer = app.upstream.call(choice, call).await.map_err(|error| {
        tracing::warn!(deployment = ?target.id, error = &error as &dyn std::error::Error, "no answer");
        ApiError::from(&error)
    })?;
    let mut response = Response::new(answer.body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    let headers = response.headers_mut();
    headers.insert(DEPLOYMENT, HeaderValue::clone(&target.id));
    if answer.status.is_success()
        && let Some(quota) = &target.quota
    {
        limits::replace(headers, quota);
    }
    Ok(response)
}
