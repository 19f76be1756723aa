use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use tokio::time::Instant;

use super::body;
use super::dispatch::{draw, find, send};
use super::error::ApiError;
use crate::app::App;
use crate::body::ChatBody;
use crate::routing::Need;
use crate::upstream::Call;

/// `POST /v1/chat/completions`
pub(super) async fn create(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let bytes = body::read(request.into_body(), app.max_body_bytes).await?;
    let began = Instant::now();
    let chat = body::work(&bytes, || ChatBody::read(&bytes))?;
    let group = find(&app, &chat.model)?;
    let need = body::work(&bytes, || {
        Need::count(&group.encodings, |encoding| {
            chat.tokens(encoding, app.reservation, group.default_output)
        })
    })?;
    let choice = draw(&app, group, &need).await?;
    let target = &choice.target;
    let model = target.model_for(&chat.model);
    let call = Call {
        url: target.chat.of(&model),
        body: chat.for_model(&model, &target.body),
        include_usage: chat.include_usage,
    };
    group.metrics.added(began.elapsed());
    send(&app, choice, call).await
}
