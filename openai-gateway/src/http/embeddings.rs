use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use tokio::time::Instant;

use super::body;
use super::dispatch::{draw, find, send};
use super::error::ApiError;
use crate::app::App;
use crate::body::EmbeddingsBody;
use crate::routing::Need;
use crate::upstream::Call;

/// `POST /v1/embeddings`
pub(super) async fn create(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let bytes = body::read(request.into_body(), app.max_body_bytes).await?;
    let began = Instant::now();
    let embeddings = body::work(&bytes, || EmbeddingsBody::read(&bytes))?;
    let group = find(&app, &embeddings.model)?;
    let need = body::work(&bytes, || {
        Need::count(&group.encodings, |encoding| embeddings.tokens(encoding))
    })?;
    let choice = draw(&app, group, &need).await?;
    let target = &choice.target;
    let model = target.model_for(&embeddings.model);
    let call = Call {
        url: target.embeddings.of(&model),
        body: embeddings.for_model(&model, &target.body),
        include_usage: false,
    };
    group.metrics.added(began.elapsed());
    send(&app, choice, call).await
}
