//! Metrics of the API, by route: the templates of the paths, never the paths.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};
use quota_api::routes;

use super::{CONNECTIONS_CUT, CONNECTIONS_REFUSED, HTTP_REQUESTS, HTTP_SECONDS, counter_of};

const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// What is counted under a path that is no route.
const OTHER: &str = "other";

const ROUTES: [&str; 15] = [
    routes::LEASES,
    routes::BATCH,
    routes::RETURN,
    routes::DEPLOYMENT,
    routes::DEPLOYMENTS,
    routes::WINDOWS,
    routes::DEPLOYMENT_LEASES,
    routes::OVERVIEW,
    routes::HEALTHZ,
    routes::READYZ,
    routes::METRICS,
    routes::OPENAPI,
    "/",
    "/dashboard/{file}",
    OTHER,
];

/// Handles for every route, so that counting a request looks nothing up in the recorder.
#[derive(Clone)]
pub struct HttpMetrics {
    routes: Vec<RouteMetrics>,
}

/// Handles for one route.
#[derive(Clone)]
pub struct RouteMetrics {
    route: &'static str,
    by_class: [Counter; CLASSES.len()],
    seconds: Histogram,
}

/// A connection was cut, since nothing was taken in of what was written to it.
pub fn connection_cut() {
    counter_of(CONNECTIONS_CUT).increment(1);
}

/// A connection was closed, since its address had as many as it may.
pub fn connection_refused() {
    counter_of(CONNECTIONS_REFUSED).increment(1);
}

impl HttpMetrics {
    /// Handles of the recorder that is installed.
    #[must_use]
    pub fn new() -> Self {
        Self { routes: ROUTES.map(RouteMetrics::new).to_vec() }
    }

    /// The handles of a route; those of `other` where `route` is none.
    #[must_use]
    pub fn of(&self, route: Option<&str>) -> &RouteMetrics {
        let known = route.and_then(|route| self.routes.iter().find(|known| known.route == route));
        known.unwrap_or(&self.routes[ROUTES.len() - 1])
    }
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl RouteMetrics {
    fn new(route: &'static str) -> Self {
        Self {
            route,
            by_class: CLASSES
                .map(|class| counter!(HTTP_REQUESTS, "route" => route, "class" => class)),
            seconds: histogram!(HTTP_SECONDS, "route" => route),
        }
    }

    /// The route's template.
    #[must_use]
    pub const fn route(&self) -> &'static str {
        self.route
    }

    /// A request was answered.
    pub fn answered(&self, status: http::StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.by_class[class].increment(1);
        self.seconds.record(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_class() {
        let recorder = crate::metrics::exposition().unwrap().build_recorder();
        let metrics = metrics::with_local_recorder(&recorder, HttpMetrics::new);
        let took = Duration::from_millis(1);
        metrics.of(Some(routes::LEASES)).answered(http::StatusCode::CREATED, took);
        metrics.of(Some("/favicon.ico")).answered(http::StatusCode::NOT_FOUND, took);
        metrics.of(None).answered(http::StatusCode::NOT_FOUND, took);
        let text = recorder.handle().render();
        for line in [
            r#"quota_http_requests_total{route="/v1/leases",class="2xx"} 1"#,
            r#"quota_http_requests_total{route="other",class="4xx"} 2"#,
            r#"quota_http_request_seconds_count{route="/v1/leases"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
