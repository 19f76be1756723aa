use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use metrics::{Counter, counter};

use super::{BODIES_REFUSED, CONNECTIONS_CUT, HTTP_REQUESTS, declared};

const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// What is counted under a path that is no route.
const OTHER: &str = "other";

const ROUTES: [&str; 6] =
    ["/chat/completions", "/embeddings", "/models", "/healthz", "/metrics", OTHER];

/// Answers to callers, by route, with or without `/v1`.
#[derive(Clone)]
pub struct HttpMetrics([(&'static str, [Counter; CLASSES.len()]); ROUTES.len()]);

impl HttpMetrics {
    /// Declares them.
    #[must_use]
    pub fn new() -> Self {
        for name in [CONNECTIONS_CUT, BODIES_REFUSED] {
            counter!(name).absolute(0);
        }
        let of = |route| {
            let class = |class| counter!(HTTP_REQUESTS, "route" => route, "class" => class);
            CLASSES.map(|name| declared(class(name)))
        };
        Self(ROUTES.map(|route| (route, of(route))))
    }

    /// Counts the answer to a request.
    pub async fn count(State(metrics): State<Self>, request: Request, next: Next) -> Response {
        let path = request.extensions().get::<MatchedPath>().cloned();
        let response = next.run(request).await;
        metrics.answered(path.as_ref().map_or(OTHER, MatchedPath::as_str), response.status());
        response
    }

    fn answered(&self, path: &str, status: StatusCode) {
        let route = path.strip_prefix("/v1").unwrap_or(path);
        let known = self.0.iter().find(|(known, _)| *known == route);
        let (_, by_class) = known.unwrap_or(&self.0[ROUTES.len() - 1]);
        by_class[usize::from(status.as_u16() / 100).clamp(2, 5) - 2].increment(1);
    }
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self::new()
    }
}
