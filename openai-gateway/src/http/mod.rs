//! What callers see: OpenAI's and Anthropic's APIs, with and without `/v1` as LiteLLM has it.
//!
//! To add a call that goes on to providers: see [`crate::endpoints`]. Any other: its file here with
//! its handler, its route in `open` or `served`.

mod auth;
mod body;
mod callers;
mod calls;
mod cors;
mod dispatch;
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
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use crate::app::App;
use crate::endpoints::{self, Dialect};
use crate::metrics::HttpMetrics;
pub use cors::origin;
use error::ApiError;
pub use request_id::RequestIds;

/// The whole API.
pub fn router(app: Arc<App>, request_ids: RequestIds) -> Router {
    let guard = axum::middleware::from_fn_with_state(app.clone(), auth::check);
    let no_method = async || ApiError::method_not_allowed();
    let of_openai = Router::new()
        .merge(served())
        .nest("/v1", served())
        .nest("/openai", served().merge(of_azure()))
        .nest("/openai/v1", served())
        .route_layer(guard.clone())
        .method_not_allowed_fallback(no_method);
    let of_anthropic = Router::new()
        .merge(calls_of(Dialect::Anthropic))
        .nest("/v1", calls_of(Dialect::Anthropic))
        .route_layer(guard)
        .method_not_allowed_fallback(no_method)
        .layer(axum::middleware::map_response(error::in_anthropic_s_words));
    // Around what needs the key, preflights included, and nothing else.
    let guarded = of_openai.merge(of_anthropic);
    let guarded = match cors::layer(&app.cors_origins) {
        Some(cors) => guarded.layer(cors),
        None => guarded,
    };
    Router::new()
        .merge(guarded)
        .merge(open())
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

/// What is of OpenAI's.
fn served() -> Router<Arc<App>> {
    calls_of(Dialect::OpenAi)
        .route("/models", get(models::list))
        .route("/models/{*model}", get(models::one))
}

/// The calls that go on to providers.
fn calls_of(dialect: Dialect) -> Router<Arc<App>> {
    let of_it = endpoints::ALL.iter().filter(|endpoint| endpoint.dialect == dialect);
    of_it.fold(Router::new(), |router, endpoint| {
        router.route(&format!("/{}", endpoint.path), calls::route(endpoint))
    })
}

/// As Azure's clients say it: with the API's version in the query, and the model in the path of
/// calls that are older than `/openai/v1`.
fn of_azure() -> Router<Arc<App>> {
    let azure_s = endpoints::ALL.iter().filter(|endpoint| endpoint.is_azure_s);
    azure_s.fold(Router::new(), |router, endpoint| {
        let path = format!("/deployments/{{model}}/{}", endpoint.path);
        router.route(&path, calls::route(endpoint))
    })
}

/// What nobody needs a key for, at the gateway's own paths and at LiteLLM's.
fn open() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/health/liveliness", get(health::alive))
        .route("/health/liveness", get(health::alive))
        .route("/health/readiness", get(health::ready))
        .route("/metrics", get(health::exposition))
}

#[cfg(test)]
mod tests;
