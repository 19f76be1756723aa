//! `GET /metrics`: Prometheus' text format.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::PrometheusHandle;
use quota_api::routes;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::http::Api;
use crate::metrics;

/// How long a text is told at least.
const FRESH: Duration = Duration::from_millis(100);

/// Rendering takes at most this part of the time: what takes long is told longer.
const PART: u32 = 20;

/// How long a scrape waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(1);

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Prometheus metrics
#[utoipa::path(
    get, path = routes::METRICS, tag = "operation",
    responses((status = 200, description = "All metrics.", body = str, content_type = "text/plain"))
)]
pub(in crate::http) async fn exposition(State(api): State<Arc<Api>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT_FORMAT)], api.exposition.text(&api).await)
}

/// All metrics as text, rendered once for all who ask at about the same time: however many ask and
/// however slowly they read, there are few texts.
pub struct Exposition {
    recorder: PrometheusHandle,
    latest: Mutex<Option<Rendered>>,
}

struct Rendered {
    at: Instant,
    fresh_for: Duration,
    text: Bytes,
}

impl Exposition {
    /// Of what this recorder was told.
    #[must_use]
    pub fn new(recorder: PrometheusHandle) -> Self {
        Self { recorder, latest: Mutex::new(None) }
    }

    /// The latest text, rendered anew if it is old. Who asks meanwhile waits for it.
    async fn text(&self, api: &Api) -> Bytes {
        let mut latest = self.latest.lock().await;
        if let Some(rendered) = &*latest
            && rendered.at.elapsed() < rendered.fresh_for
        {
            return rendered.text.clone();
        }
        let at = Instant::now();
        let text = self.render(api).await;
        let fresh_for = FRESH.max(at.elapsed() * PART);
        latest.insert(Rendered { at, fresh_for, text }).text.clone()
    }

    async fn render(&self, api: &Api) -> Bytes {
        metrics::busy(api.places.running(), api.places.most(), api.ledger.queued());
        let mut text = metrics::render(&self.recorder);
        // With a ledger that is away or slow there are no deployments to tell of; all else is told.
        let seen = api.overview.seen(&*api.ledger);
        if api.metrics_deployments > 0
            && let Ok(Ok(seen)) = timeout(PATIENCE, seen).await
        {
            metrics::write_deployments(&mut text, &seen, api.metrics_deployments);
        }
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use axum::response::Response;
    use http::Method;
    use http_body_util::BodyExt;

    use crate::http::testing::{World, request};

    async fn bytes(response: Response) -> bytes::Bytes {
        response.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_share_one_text() {
        let world = World::new().await;
        let ask =
            || async { bytes(world.send_raw(request(Method::GET, "/metrics", "")).await).await };
        let (first, second) = tokio::join!(ask(), ask());
        // Each is kept with its request's place, around the same text.
        assert_eq!(first, second);
        world.get("/nowhere").await;
        assert_eq!(ask().await, first, "still the same");
        tokio::time::advance(super::FRESH).await;
        assert_ne!(ask().await, first);
    }
}
