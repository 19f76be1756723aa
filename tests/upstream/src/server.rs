use std::{future::Future, io, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    Settings,
    audit::{Arrival, AuditReport},
    chat, embeddings,
    intake::Upstream,
    wire::{self, Wire},
};

pub(crate) const MAX_BODY_BYTES: usize = 64 << 20;

/// The upstream's routes, with an audit of their own. Calls are found where OpenAI has them, and
/// where Azure has them.
pub fn router(settings: Settings) -> Router {
    let wire = Wire::default();
    let calls = || {
        Router::new()
            .route("/chat/completions", post(chat::create))
            .route("/embeddings", post(embeddings::create))
    };
    let calls = Router::new()
        .nest("/v1", calls())
        .nest("/openai/v1", calls())
        .nest("/openai/deployments/{deployment}", calls())
        .layer(axum::middleware::from_fn_with_state(wire.clone(), wire::record));
    Router::new()
        .merge(calls)
        .route("/audit/wire", get(wire::list).with_state(wire))
        .route("/v1/models", get(models))
        .route("/healthz", get(|| async { "ok" }))
        .route("/audit", get(audit))
        .route("/audit/events", get(arrivals))
        .route("/audit/reset", post(reset))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(Upstream::new(settings)))
}

/// Serves until `stop` is ready.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(settings)).with_graceful_shutdown(stop).await
}

async fn models(State(upstream): State<Arc<Upstream>>) -> Json<Value> {
    let models: Vec<Value> = (upstream.settings.models.iter())
        .map(|id| json!({"id": id, "object": "model", "created": 0, "owned_by": "upstream"}))
        .collect();
    Json(json!({"object": "list", "data": models}))
}

async fn audit(State(upstream): State<Arc<Upstream>>) -> Json<AuditReport> {
    Json(upstream.with_audit(|audit| audit.report()))
}

async fn arrivals(State(upstream): State<Arc<Upstream>>) -> Json<Vec<Arrival>> {
    Json(upstream.with_audit(|audit| audit.arrivals().cloned().collect()))
}

async fn reset(State(upstream): State<Arc<Upstream>>) -> StatusCode {
    upstream.with_audit(crate::audit::Audit::reset);
    StatusCode::NO_CONTENT
}
