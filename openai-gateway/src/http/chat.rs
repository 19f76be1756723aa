use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use reqwest::Url;

use super::dispatch::{find, serve};
use super::error::ApiError;
use super::{body, named, tags};
use crate::app::App;
use crate::body::ChatBody;
use crate::routing::{self, Need, Target};
use crate::upstream::Outgoing;

/// `POST /v1/chat/completions`, and Azure's path, which names the model.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    model: named::Model,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    // Its place is held until the answer begins.
    let (bytes, _place) = body::read(&head, body, &app).await?;
    let chat = body::work(&bytes, || ChatBody::read(&bytes))?;
    let requested = model.or(chat.model.as_deref())?;
    let group = find(&app, requested)?;
    let request =
        routing::Request { tags: tags::of(&head.headers, &chat.tags), streams: chat.stream };
    let need = Need::of(
        |encoding| body::work(&bytes, || chat.input_tokens(encoding)),
        |target: &Target| chat.output_tokens(app.reservation, target.default_output),
    );
    serve(&app, (group, request), &Chat { body: &chat, requested }, &need).await
}

/// A chat request for the model that the caller named.
struct Chat<'a> {
    body: &'a ChatBody<'a>,
    requested: &'a str,
}

impl Outgoing for Chat<'_> {
    fn url(&self, target: &Target) -> Url {
        target.chat.of(&target.model_for(self.requested))
    }

    fn body(&self, target: &Target, asks_usage: bool) -> String {
        let model = target.model_for(self.requested);
        self.body.for_model(&model, &target.body, asks_usage)
    }

    fn streams(&self) -> bool {
        self.body.stream
    }

    fn include_usage(&self) -> bool {
        self.body.include_usage
    }
}
