use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use reqwest::Url;

use super::dispatch::{find, serve};
use super::error::ApiError;
use super::{body, named, tags};
use crate::app::App;
use crate::body::EmbeddingsBody;
use crate::routing::{self, Need, Target};
use crate::upstream::Outgoing;

/// `POST /v1/embeddings`, and Azure's path, which names the model.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    model: named::Model,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    // Its place is held until the answer begins.
    let (bytes, _place) = body::read(&head, body, &app).await?;
    let embeddings = body::work(&bytes, || EmbeddingsBody::read(&bytes))?;
    let requested = model.or(embeddings.model.as_deref())?;
    let group = find(&app, requested)?;
    let request = routing::Request { tags: tags::of(&head.headers, &[]), streams: false };
    let input = |encoding| body::work(&bytes, || embeddings.tokens(encoding));
    let need = Need::of(input, |_: &Target| 0);
    serve(&app, (group, request), &Embeddings { body: &embeddings, requested }, &need).await
}

/// An embeddings request for the model that the caller named.
struct Embeddings<'a> {
    body: &'a EmbeddingsBody<'a>,
    requested: &'a str,
}

impl Outgoing for Embeddings<'_> {
    fn url(&self, target: &Target) -> Url {
        target.embeddings.of(&target.model_for(self.requested))
    }

    fn body(&self, target: &Target, _asks_usage: bool) -> String {
        self.body.for_model(&target.model_for(self.requested), &target.body)
    }

    fn streams(&self) -> bool {
        false
    }

    fn include_usage(&self) -> bool {
        false
    }
}
