//! The paths of the API, in axum's notation.

/// Acquire a lease: `POST`.
pub const LEASES: &str = "/v1/leases";
/// One holder's beat: `POST`.
pub const BATCH: &str = "/v1/leases/batch";
/// Give back: `POST`.
pub const RETURN: &str = "/v1/leases/{lease_id}/return";
/// All deployments: `GET`.
pub const DEPLOYMENTS: &str = "/v1/deployments";
/// One deployment: `PUT`, `GET`, `DELETE`.
pub const DEPLOYMENT: &str = "/v1/deployments/{id}";
/// The books of a deployment's last windows: `GET`.
pub const WINDOWS: &str = "/v1/deployments/{id}/windows";
/// Who holds what now: `GET`.
pub const DEPLOYMENT_LEASES: &str = "/v1/deployments/{id}/leases";
/// Every deployment at a glance: `GET`.
pub const OVERVIEW: &str = "/v1/overview";
/// Liveness: `GET`.
pub const HEALTHZ: &str = "/healthz";
/// Readiness, the ledger reachable: `GET`.
pub const READYZ: &str = "/readyz";
/// Prometheus metrics: `GET`.
pub const METRICS: &str = "/metrics";
/// The OpenAPI document: `GET`.
pub const OPENAPI: &str = "/openapi.json";
