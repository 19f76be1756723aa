//! The whole API in a test: the real router over the embedded ledger, in a folder that goes away,
//! by a clock that stands until it is moved. Every answer is checked to be one that the OpenAPI
//! document tells of.

mod answer;
mod away;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use edge::body::BodyRoom;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::overview::Latest;
use super::{
    AllDeployments, Api, Changes, DeploymentRoom, Exposition, LeaseDesk, Places, Rations,
    RequestIds, router,
};
use crate::audit::Audit;
use crate::auth::{Gate, Keyring, Role};
use crate::clock::manual::ManualClock;
use crate::config::LedgerKind;
use crate::ledger::Ledger;
use crate::metrics::{HttpMetrics, LeaseMetrics, exposition};
use crate::testing::TestLedger;

pub(super) use answer::Answer;
pub(super) use away::{Away, Fault};

/// Leases that a credential may ask for in a minute.
pub(super) const RATION: u32 = 20;

/// Deployments that there may be.
pub(super) const DEPLOYMENTS: u32 = 20;

/// Bytes of bodies that there may be at once.
pub(super) const BODY_BYTES: usize = 1 << 20;

const AUDIT: &str = "audit.jsonl";

pub(super) struct World {
    pub(super) api: Arc<Api>,
    pub(super) clock: ManualClock,
    router: Router,
    audit_folder: TempDir,
    _folder: Option<TempDir>,
}

impl World {
    /// Anonymous, over an empty embedded ledger.
    pub(super) async fn new() -> Self {
        Self::guarded("").await
    }

    /// A token of each role, whose text is the role's name, and a certificate `<role>.example`; and
    /// another gateway's.
    pub(super) async fn with_roles() -> Self {
        let of = |name: &str, role: Role| {
            let entry = |kind: &str, by: String| {
                format!("[[{kind}]]\nname = \"{name}\"\nrole = \"{}\"\n{by}\n", role.as_str())
            };
            let sha256 = hex::encode(Sha256::digest(name));
            entry("token", format!("sha256 = \"{sha256}\""))
                + &entry("certificate", format!("san = \"{name}.example\""))
        };
        let roles = [Role::Gateway, Role::Viewer, Role::Admin];
        let entries: String = roles.map(|role| of(role.as_str(), role)).concat();
        Self::guarded(&(entries + &of("other", Role::Gateway))).await
    }

    async fn guarded(entries: &str) -> Self {
        let TestLedger { ledger, clock, folder } = TestLedger::open().await;
        let file = folder.path().join("tokens.toml");
        std::fs::write(&file, entries).unwrap();
        let file = (!entries.is_empty()).then_some(file);
        let world = Self::over(ledger, Keyring::new(file, Vec::new()));
        Self { _folder: Some(folder), clock, ..world }
    }

    /// Over a ledger that has this fault.
    pub(super) fn faulty(fault: Fault) -> Self {
        Self::over(Arc::new(Away::new(fault)), Keyring::default())
    }

    fn over(ledger: Arc<dyn Ledger>, keyring: Keyring) -> Self {
        let audit_folder = TempDir::new().unwrap();
        let path = audit_folder.path().join(AUDIT);
        let audit = Audit::open(Some(&path), Arc::new(ManualClock::new())).unwrap();
        let recorder = exposition().unwrap().build_recorder();
        let (http_metrics, lease_metrics) = metrics::with_local_recorder(&recorder, || {
            crate::metrics::describe();
            (HttpMetrics::new(), LeaseMetrics::new())
        });
        let api = Arc::new(Api {
            leases: LeaseDesk {
                ledger: Arc::clone(&ledger),
                rations: Rations::new(RATION),
                metrics: lease_metrics,
            },
            ledger,
            gate: Arc::new(Gate::open(keyring, 60).unwrap()),
            audit,
            deployment_room: DeploymentRoom::new(DEPLOYMENTS),
            all_deployments: AllDeployments::default(),
            body_room: BodyRoom::new(BODY_BYTES),
            body_read: Duration::from_secs(10),
            request: Duration::from_secs(15),
            places: Places::new(2),
            changes: Changes::new(TaskTracker::new()),
            is_local: true,
            draining: CancellationToken::new(),
            request_ids: RequestIds::new(0),
            http_metrics,
            exposition: Exposition::new(recorder.handle()),
            overview: Latest::new(LedgerKind::Embedded),
            metrics_deployments: 10,
        });
        let router = router(Arc::clone(&api));
        Self { api, clock: ManualClock::new(), router, audit_folder, _folder: None }
    }

    /// The lines of the audit log.
    pub(super) fn audit_lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.audit_folder.path().join(AUDIT)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// From now on the audit log cannot be written.
    pub(super) fn break_audit(&self) {
        std::fs::remove_dir_all(self.audit_folder.path()).unwrap();
    }

    /// Sends any request; the answer as it comes.
    pub(super) async fn send_raw(&self, request: Request) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends any request.
    pub(super) async fn send(&self, request: Request) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = Answer::of(self.send_raw(request).await).await;
        answer.assert_documented(&method, &path);
        answer
    }

    /// Sends a call with a JSON body.
    pub(super) async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(request(method, path, &body.to_string())).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, "")).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, body).await
    }

    /// The deployment `m`, with 500 tokens and 100 requests a minute.
    pub(super) async fn with_deployment(self) -> Self {
        let body = json!({"tpm_limit": 500, "rpm_limit": 100});
        let request = request(Method::PUT, "/v1/deployments/m", &body.to_string());
        assert_eq!(self.send(with_token(request, "admin")).await.status, 201);
        self
    }
}

pub(super) fn request(method: Method, path: &str, body: &str) -> Request {
    let request = Request::builder().method(method).uri(path);
    let request = request.header(CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_owned())).unwrap()
}

pub(super) fn with_token(mut request: Request, token: &str) -> Request {
    let value = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// A wish for leases of `m`, this much or nothing, for one request.
pub(super) fn wish(request_id: &str, tokens: u64) -> Value {
    json!({
        "deployment": "m", "holder": "h", "request_id": request_id, "window": "current",
        "tokens": {"min": tokens, "want": tokens}, "requests": {"min": 1, "want": 1},
    })
}
