use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Counter, counter};

use super::{BODIES_REFUSED, CONNECTIONS_CUT, CONNECTIONS_REFUSED, HTTP_REQUESTS, declared};
use crate::endpoints;

const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// What is counted under a path that is no route.
const OTHER: &str = "other";

/// Routes besides the endpoints'.
const ROUTES: [&str; 7] = [
    "/models",
    "/models/{*model}",
    "/healthz",
    "/health/liveliness",
    "/health/liveness",
    "/health/readiness",
    "/metrics",
];

/// Where Azure's clients name the model.
const AZURE: &str = "/openai/deployments/{model}";

type ByClass = [Counter; CLASSES.len()];

/// Answers to callers, by route, with or without `/v1`.
#[derive(Clone)]
pub struct HttpMetrics {
    by_route: Arc<HashMap<String, ByClass>>,
    other: ByClass,
}

impl HttpMetrics {
    /// Declares them.
    #[must_use]
    pub fn new() -> Self {
        for name in [CONNECTIONS_CUT, CONNECTIONS_REFUSED, BODIES_REFUSED] {
            counter!(name).absolute(0);
        }
        let of = |route: &str| {
            let class =
                |class| counter!(HTTP_REQUESTS, "route" => route.to_owned(), "class" => class);
            CLASSES.map(|name| declared(class(name)))
        };
        let plain = endpoints::ALL.iter().map(|endpoint| format!("/{}", endpoint.path));
        let azure_s = endpoints::ALL.iter().filter(|endpoint| endpoint.is_azure_s);
        let azure_s = azure_s.map(|endpoint| format!("{AZURE}/{}", endpoint.path));
        let routes = plain.chain(azure_s).chain(ROUTES.map(str::to_owned));
        let by_route = routes.map(|route| (route.clone(), of(&route))).collect();
        Self { by_route: Arc::new(by_route), other: of(OTHER) }
    }

    /// Counts the answer to a request.
    pub async fn count(State(metrics): State<Self>, request: Request, next: Next) -> Response {
        let path = request.extensions().get::<MatchedPath>().cloned();
        let response = next.run(request).await;
        let by_class = path.map_or(&metrics.other, |path| metrics.of(path.as_str()));
        let class = usize::from(response.status().as_u16() / 100).clamp(2, 5) - 2;
        by_class[class].increment(1);
        response
    }

    fn of(&self, path: &str) -> &ByClass {
        self.by_route.get(name(path)).unwrap_or(&self.other)
    }
}

/// What a route is counted under.
fn name(path: &str) -> &str {
    let route = path.strip_prefix("/openai").filter(|_| !path.starts_with(AZURE));
    let route = route.unwrap_or(path);
    route.strip_prefix("/v1").unwrap_or(route)
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_a_name_of_its_own_and_one_for_all_of_its_places() {
        let metrics = HttpMetrics::new();
        for (path, route) in [
            ("/chat/completions", "/chat/completions"),
            ("/v1/chat/completions", "/chat/completions"),
            ("/openai/v1/responses", "/responses"),
            ("/openai/responses", "/responses"),
            ("/v1/messages/count_tokens", "/messages/count_tokens"),
            ("/openai/deployments/{model}/embeddings", "/openai/deployments/{model}/embeddings"),
            ("/v1/models/{*model}", "/models/{*model}"),
            ("/health/liveness", "/health/liveness"),
        ] {
            assert_eq!(name(path), route);
            assert!(metrics.by_route.contains_key(route), "{route}");
        }
        assert!(!metrics.by_route.contains_key(OTHER), "it is no path");
    }
}
