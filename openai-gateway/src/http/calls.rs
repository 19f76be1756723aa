//! The calls that go on to providers: every endpoint by the same steps.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};

use super::dispatch::{find, serve};
use super::error::ApiError;
use super::{body, callers, named, tags};
use crate::app::App;
use crate::endpoints::{Endpoint, Received};
use crate::routing::{self, Need, Target};
use crate::upstream::Outgoing;

/// The endpoint's route, by a path of ours or by one of Azure's, which names the model.
pub(super) fn route(endpoint: &'static Endpoint) -> MethodRouter<Arc<App>> {
    post(async move |State(app): State<Arc<App>>, model: named::NamedModel, request: Request| {
        create(endpoint, &app, &model, request).await
    })
}

async fn create(
    endpoint: &'static Endpoint,
    app: &App,
    model: &named::NamedModel,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    // Its place is held until the answer begins.
    let (bytes, _place) = body::read(&head, body, endpoint.form, app).await?;
    let received = Received { headers: &head.headers, body: &bytes };
    let asked = body::work(&bytes, || (endpoint.read)(received))?;
    let requested = model.or(asked.model())?;
    let group = find(app, requested)?;
    let request = routing::Request {
        tags: tags::of(&head.headers, asked.tags()),
        streams: asked.streams() || endpoint.is_raw,
        caller: callers::of(&head.headers),
    };
    let need = Need::of(
        endpoint,
        |encoding| body::work(&bytes, || asked.input_tokens(encoding)),
        |target: &Target| asked.output_tokens(app.reservation, target.default_output),
    );
    let outgoing = Outgoing { endpoint, asked: &*asked, requested, caller: &head.headers };
    serve(app, (group, request), &outgoing, &need).await
}
