//! What happens to every request, whichever its route: it gets a name, a span and a place among the
//! requests that run, is cut off when it takes too long, caught when it panics, and counted.
//!
//! One layer, not one for each: a layer of axum costs a boxed future and a clone for each request.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Uri};
use quota_api::{Code, routes};
use tokio::time::{Instant, timeout};
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, debug_span, error, warn};

use super::place::{Place, Places};
use super::problem::ActiveServer;
use super::request_id::X_REQUEST_ID;
use super::{Api, Failure};

#[derive(Clone)]
pub(super) struct EdgeLayer {
    api: Arc<Api>,
}

impl EdgeLayer {
    pub(super) const fn new(api: Arc<Api>) -> Self {
        Self { api }
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { api: Arc::clone(&self.api), inner }
    }
}

#[derive(Clone)]
pub(super) struct Edge<S> {
    api: Arc<Api>,
    inner: S,
}

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let api = Arc::clone(&self.api);
        let seen = RequestNotes::of(&request, &api);
        // The audit log names the request as its answer does.
        request.headers_mut().insert(X_REQUEST_ID, seen.id.clone());
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(api.attend(seen, answer).await) })
    }
}

/// What is noted of a request before it is handled.
struct RequestNotes {
    at: Instant,
    id: HeaderValue,
    uri: Uri,
    route: Option<MatchedPath>,
    span: Span,
}

impl RequestNotes {
    fn of(request: &Request, api: &Api) -> Self {
        let id = api.request_ids.of(request.headers());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let span = debug_span!(
            "request",
            method = %request.method(),
            path = request.uri().path(),
            id = id.to_str().unwrap_or_default(),
            traceparent = traceparent(request.headers()),
            otel.kind = "server",
            http.route = route.as_ref().map(MatchedPath::as_str),
            http.response.status_code = Empty,
        );
        traces::adopt(&span, request.headers());
        Self { at: Instant::now(), id, uri: request.uri().clone(), route, span }
    }

    /// A place for it, if there is one. Probes need none.
    fn place(&self, places: &Places) -> Result<Option<Place>, Failure> {
        let place = match self.route.as_ref().map(MatchedPath::as_str) {
            Some(routes::HEALTHZ | routes::READYZ) => return Ok(None),
            Some(route) if route.starts_with("/v1/") => places.for_api(),
            _ => places.for_open(),
        };
        let full = || Failure::new(Code::Overloaded, "too many requests at once");
        place.map(Some).ok_or_else(full)
    }
}

impl Api {
    async fn attend<F>(&self, seen: RequestNotes, answer: F) -> Response
    where
        F: Future<Output = Result<Response, Infallible>> + Send,
    {
        let metrics = self.http_metrics.of(seen.route.as_ref().map(MatchedPath::as_str));
        let answer = self.answer_in_bounds(seen.place(&self.places), answer);
        let mut response = answer.instrument(seen.span.clone()).await;
        let (status, took) = (response.status(), seen.at.elapsed());
        if status.as_u16() == Code::Internal.status() {
            error!(request_id = ?seen.id, route = metrics.route(), "a request met a fault of ours");
        }
        seen.span.record("http.response.status_code", status.as_u16());
        debug!(parent: &seen.span, status = status.as_u16(), ?took, "answered");
        metrics.answered(status, took);
        if let Some(ActiveServer(url)) = response.extensions_mut().remove() {
            redirect(&mut response, &url, &seen.uri);
        }
        response.headers_mut().insert(X_REQUEST_ID, seen.id);
        response
    }

    async fn answer_in_bounds<F>(
        &self,
        place: Result<Option<Place>, Failure>,
        answer: F,
    ) -> Response
    where
        F: Future<Output = Result<Response, Infallible>> + Send,
    {
        let place = match place {
            Ok(place) => place,
            Err(full) => return full.into_response(),
        };
        match timeout(self.request, AssertUnwindSafe(answer).catch_unwind()).await {
            Ok(Ok(Ok(response))) => match place {
                Some(place) => place.until_sent(response),
                None => response,
            },
            // The panic hook has logged where and why.
            Ok(Err(_panic)) => Failure::internal().into_response(),
            Err(_elapsed) => {
                warn!(limit = ?self.request, "the ledger did not answer a request in time");
                Failure::new(Code::LedgerUnavailable, "the ledger did not answer in time")
                    .into_response()
            }
        }
    }
}

/// Sends the caller to the same path of another server.
fn redirect(response: &mut Response, url: &str, uri: &Uri) {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    match HeaderValue::try_from(format!("{url}{path}")) {
        Ok(location) => drop(response.headers_mut().insert(LOCATION, location)),
        Err(error) => warn!(url, %error, "the active server's URL cannot be told"),
    }
}

/// The caller's trace context (W3C Trace Context, version 00), if it is one.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = value.split('-').collect();
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let lengths = parts.iter().map(|part| part.len());
    (parts.iter().all(|part| is_hex(part)) && lengths.eq([2, 32, 16, 2])).then_some(value)
}
