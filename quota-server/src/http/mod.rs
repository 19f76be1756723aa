//! What is said over HTTP: the lease API of `quota-api`, answered by a ledger.
//!
//! One endpoint, one file. A handler's arguments are its demands, in the order in which they are
//! checked: who calls (`caller`), what the path says, what the body says (`body`). It turns wire
//! types into the ledger's (`wire`), asks the ledger, and turns the answer back; whatever fails on
//! the way is a [`Failure`], which is where all errors become problem documents.
//!
//! To add a call: its path and types in `quota-api`; a file here with its handler and its
//! `problems!`; its line in `router`. The OpenAPI document follows.

mod body;
mod caller;
mod dashboard;
mod deployments;
mod edge;
mod etag;
mod leases;
mod openapi;
mod ops;
mod overview;
mod params;
mod place;
mod problem;
mod ratelimit;
mod ration;
mod request_id;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use ::edge::body::BodyRoom;
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::Audit;
use crate::auth::Gate;
use crate::config::Config;
use crate::ledger::Ledger;
use crate::metrics::{HttpMetrics, LeaseMetrics};

pub(crate) use leases::batch::operations as batch_operations;

pub use deployments::{AllDeployments, Changes, DeploymentRoom};
pub use leases::LeaseDesk;
pub use ops::Exposition;
pub use overview::Latest;
pub use place::Places;
pub use problem::Failure;
pub use ration::Rations;
pub use request_id::RequestIds;

/// All that handlers share.
pub struct Api {
    /// Who keeps the book.
    pub ledger: Arc<dyn Ledger>,
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// Where leases are taken.
    pub leases: LeaseDesk,
    /// How many deployments can be made.
    pub deployment_room: DeploymentRoom,
    /// Answers that list all of them.
    pub all_deployments: AllDeployments,
    /// Where changes are written down.
    pub audit: Audit,
    /// What bodies may take at once.
    pub body_room: BodyRoom,
    /// How long a body may take to arrive.
    pub body_read: Duration,
    /// How long a request may take.
    pub request: Duration,
    /// How many requests may run at once.
    pub places: Places,
    /// Changes that go on, whatever becomes of who asked for them.
    pub changes: Changes,
    /// It is reached on this machine alone, by the names of loopback.
    pub is_local: bool,
    /// The server is draining.
    pub draining: CancellationToken,
    /// Names requests that come without a name.
    pub request_ids: RequestIds,
    /// Counts requests.
    pub http_metrics: HttpMetrics,
    /// All metrics, as text.
    pub exposition: Exposition,
    /// All deployments at a glance.
    pub overview: Latest,
    /// So many deployments have metrics of their own at most.
    pub metrics_deployments: usize,
}

/// What ties the API to the server's life.
pub struct Serving {
    /// The server is draining.
    pub draining: CancellationToken,
    /// Tasks that a stop waits for.
    pub tasks: TaskTracker,
}

impl Api {
    /// What the configuration says, over this ledger.
    pub fn new(
        config: &Config,
        ledger: Arc<dyn Ledger>,
        gate: Arc<Gate>,
        audit: Audit,
        serving: Serving,
        request_ids: RequestIds,
        exposition: PrometheusHandle,
    ) -> Self {
        let http = &config.http;
        Self {
            leases: LeaseDesk {
                ledger: Arc::clone(&ledger),
                rations: Rations::new(http.max_leases_per_minute),
                metrics: LeaseMetrics::new(),
            },
            ledger,
            gate,
            audit,
            deployment_room: DeploymentRoom::new(http.max_deployments),
            all_deployments: AllDeployments::default(),
            body_room: BodyRoom::new(config.ledger.memory().body_bytes()),
            body_read: Duration::from_millis(http.body_read_ms),
            request: Duration::from_millis(http.request_ms),
            places: Places::new(http.max_requests as usize),
            changes: Changes::new(serving.tasks),
            is_local: http.listen.ip().is_loopback(),
            draining: serving.draining,
            request_ids,
            http_metrics: HttpMetrics::new(),
            exposition: Exposition::new(exposition),
            overview: Latest::new(config.ledger.ledger),
            metrics_deployments: config.metrics.metrics_deployments,
        }
    }
}

/// The OpenAPI document, as JSON.
///
/// # Panics
/// It cannot be written as JSON: a fault in a schema, which every test would show.
#[must_use]
pub fn document() -> String {
    documented().1.to_pretty_json().expect("a document of strings and numbers") + "\n"
}

/// The whole API.
///
/// # Panics
/// As [`document`].
pub fn router(api: Arc<Api>) -> Router {
    let (router, document) = documented();
    let document = document.to_json().expect("a document of strings and numbers");
    router
        .route(dashboard::FILES, get(dashboard::file))
        .route(quota_api::routes::OPENAPI, openapi::serve(Bytes::from(document)))
        .fallback(ops::unknown::route)
        .method_not_allowed_fallback(ops::unknown::method)
        .layer(edge::EdgeLayer::new(Arc::clone(&api)))
        .with_state(api)
}

fn documented() -> (Router<Arc<Api>>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(leases::acquire::acquire))
        .routes(routes!(leases::batch::batch))
        .routes(routes!(leases::give_back::give_back))
        .routes(routes!(deployments::list::list))
        .routes(routes!(
            deployments::put::put,
            deployments::read::read,
            deployments::delete::delete
        ))
        .routes(routes!(deployments::windows::windows))
        .routes(routes!(deployments::leases::leases))
        .routes(routes!(overview::overview))
        .routes(routes!(ops::healthz::healthz))
        .routes(routes!(ops::readyz::readyz))
        .routes(routes!(ops::metrics::exposition))
        .routes(routes!(ops::index::index))
        .split_for_parts()
}
