//! What callers see: OpenAI's API, with and without `/v1` as LiteLLM has it.
//!
//! To add a call: its file here with its handler, its route in [`router`].

mod auth;
mod body;
mod chat;
mod cors;
mod dispatch;
mod embeddings;
mod error;
mod health;
mod limits;
mod models;
mod named;
mod request_id;
mod tags;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use crate::app::App;
use crate::metrics::HttpMetrics;
pub use cors::origin;
use error::ApiError;
pub use request_id::RequestIds;

/// The whole API.
pub fn router(app: Arc<App>, request_ids: RequestIds) -> Router {
    let guarded = Router::new()
        .merge(calls())
        .nest("/v1", calls())
        .merge(azure_calls())
        .route_layer(axum::middleware::from_fn_with_state(app.clone(), auth::check));
    // Around what needs the key, preflights included, and nothing else.
    let guarded = guarded.method_not_allowed_fallback(async || ApiError::method_not_allowed());
    let guarded = match cors::layer(&app.cors_origins) {
        Some(cors) => guarded.layer(cors),
        None => guarded,
    };
    Router::new()
        .merge(guarded)
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::exposition))
        .fallback(async || ApiError::no_such_route())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(axum::middleware::from_fn_with_state(HttpMetrics::new(), HttpMetrics::count))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                // A failure is told where it is handled, and a denial is none.
                .on_failure(()),
        )
        .layer(CatchPanicLayer::custom(|_| error::panicked()))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(request_ids))
        .layer(axum::middleware::map_request(request_id::keep_sane))
        .with_state(app)
}

/// What log lines of one request have in common: nothing that a caller or a key could be known by.
fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get("x-request-id");
    let path = request.uri().path();
    let span = tracing::info_span!("request", path, ?id, otel.kind = "server");
    traces::adopt(&span, request.headers());
    span
}

fn calls() -> Router<Arc<App>> {
    Router::new()
        .route("/chat/completions", post(chat::create))
        .route("/embeddings", post(embeddings::create))
        .route("/models", get(models::list))
        .route("/models/{*model}", get(models::one))
}

/// As Azure's clients say it: the model stands in the path, and the API's version in the query.
fn azure_calls() -> Router<Arc<App>> {
    Router::new()
        .route("/openai/deployments/{model}/chat/completions", post(chat::create))
        .route("/openai/deployments/{model}/embeddings", post(embeddings::create))
}

#[cfg(test)]
mod tests;
