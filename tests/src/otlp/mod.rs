//! A collector of traces: OTLP over HTTP, as OpenTelemetry's own collector takes it. It is a
//! provider of embeddings too, which remembers the `traceparent` of its callers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::harness::HarnessError;

/// Longer than anybody waits.
const HANGS: Duration = Duration::from_secs(3_600);

/// A collector that runs until it is dropped.
#[derive(Debug)]
pub struct Collector {
    url: String,
    taken: Arc<Taken>,
    _stop: DropGuard,
}

#[derive(Debug, Default)]
struct Taken {
    spans: Mutex<Vec<Span>>,
    traceparents: Mutex<Vec<String>>,
    hangs: Mutex<bool>,
}

/// A span, as far as tests care.
#[derive(Debug, Clone)]
pub struct Span {
    /// Whose it is.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its trace, in hex.
    pub trace: String,
    /// Its id, in hex.
    pub id: String,
    /// Its parent's id, in hex.
    pub parent: String,
    /// The ids of the spans that it is linked with, in hex.
    pub links: Vec<String>,
}

impl Collector {
    /// Starts one.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn start() -> Result<Self, HarnessError> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(HarnessError::io("a collector's listener"))?;
        let address = listener.local_addr().map_err(HarnessError::io("a collector's address"))?;
        let (taken, stop) = (Arc::<Taken>::default(), CancellationToken::new());
        let router = Router::new()
            .route("/v1/traces", post(take))
            .route("/v1/embeddings", post(embed))
            .with_state(Arc::clone(&taken));
        let serving = async move { axum::serve(listener, router).await };
        TaskTracker::new().spawn(stop.clone().run_until_cancelled_owned(serving));
        Ok(Self { url: format!("http://{address}"), taken, _stop: stop.drop_guard() })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Answers nobody any more.
    ///
    /// # Panics
    /// When a thread that held the same lock did.
    pub fn hang(&self) {
        *self.taken.hangs.lock().expect("no panics") = true;
    }

    /// What came of a trace.
    ///
    /// # Panics
    /// When a thread that held the same lock did.
    #[must_use]
    pub fn spans_of(&self, trace: &str) -> Vec<Span> {
        let spans = self.taken.spans.lock().expect("no panics");
        spans.iter().filter(|span| span.trace == trace).cloned().collect()
    }

    /// The traces that callers of the provider said they are of.
    ///
    /// # Panics
    /// When a thread that held the same lock did.
    #[must_use]
    pub fn provider_was_told(&self) -> Vec<String> {
        self.taken.traceparents.lock().expect("no panics").clone()
    }
}

async fn take(State(taken): State<Arc<Taken>>, body: Bytes) -> StatusCode {
    let hangs = *taken.hangs.lock().expect("no panics");
    if hangs {
        tokio::time::sleep(HANGS).await;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let spans = request.resource_spans.iter().flat_map(spans);
    taken.spans.lock().expect("no panics").extend(spans);
    StatusCode::OK
}

fn spans(of: &ResourceSpans) -> Vec<Span> {
    let service = service(of).unwrap_or_default();
    let all = of.scope_spans.iter().flat_map(|scope| &scope.spans);
    let span = |span: &opentelemetry_proto::tonic::trace::v1::Span| Span {
        service: service.clone(),
        name: span.name.clone(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
    };
    all.map(span).collect()
}

fn service(of: &ResourceSpans) -> Option<String> {
    let attributes = &of.resource.as_ref()?.attributes;
    let name = attributes.iter().find(|attribute| attribute.key == "service.name")?;
    match name.value.as_ref()?.value.as_ref()? {
        Value::StringValue(name) => Some(name.clone()),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn embed(State(taken): State<Arc<Taken>>, headers: HeaderMap) -> Json<serde_json::Value> {
    let told = headers.get("traceparent").and_then(|value| value.to_str().ok());
    taken.traceparents.lock().expect("no panics").extend(told.map(str::to_owned));
    Json(json!({
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 20, "total_tokens": 20},
    }))
}
