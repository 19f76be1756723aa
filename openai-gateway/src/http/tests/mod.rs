//! The whole API, against an upstream in the same process.

mod anthropic;
mod bodies;
mod calls;
mod endpoints;
mod pages;
mod quota;
mod quotas;
mod refusals;
mod second_tries;
mod streams;
mod upstream;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use edge::body::BodyRoom;
use gateway_client::QuotaClient;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{RequestIds, origin, router};
use crate::app::{App, Parts};
use crate::config::{Config, Environment};
use crate::routing::Groups;
use crate::upstream::{Proxies, Terms, Upstream};

const CHAT: &str = r#"{"model":"gpt","messages":[{"role":"user","content":"hello"}]}"#;

/// What bodies may take at once: two of the largest.
const BODY_ROOM: usize = 2 << 20;

/// A gateway whose configuration's entries are these, and whatever follows them. Where that names
/// no quota server, there is one that knows no deployment.
async fn gateway(entries: &str, rest: &str) -> Router {
    gateway_and_client(entries, rest).await.0
}

async fn gateway_and_client(entries: &str, rest: &str) -> (Router, QuotaClient) {
    gateway_for(&[], entries, rest).await
}

/// The same, which pages of these origins may call.
async fn gateway_for(origins: &[&str], entries: &str, rest: &str) -> (Router, QuotaClient) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("model_list:\n{entries}{rest}")).unwrap();
    let mut config = Config::load(file.path(), &Environment::default()).unwrap();
    if !rest.contains("quota_server") {
        let server = quota::FakeQuotaServer::start(0).await;
        server.forget("*");
        config.quota.url = server.url;
    }
    let client = QuotaClient::builder(&config.quota.url)
        .max_wait(Duration::from_millis(config.quota.max_wait_ms))
        .build()
        .unwrap();
    let app = App::new(
        &config,
        Parts {
            groups: Groups::new(&config, &client).unwrap(),
            upstream: Upstream::new(Terms::of(&config.quota), Proxies::Encrypted(None)).unwrap(),
            max_body_bytes: 1 << 20,
            body_room: BodyRoom::new(BODY_ROOM),
            is_local: true,
            cors_origins: origins.iter().map(|text| origin(text).unwrap()).collect(),
            seed: 1,
            prometheus: None,
        },
    );
    (router(Arc::new(app), RequestIds::new(7)), client)
}

/// An entry without limits.
fn entry(group: &str, base: &str) -> String {
    format!(
        "  - {{model_name: {group}, litellm_params: {{model: openai/gpt-4o, api_base: '{base}/v1', \
         api_key: sk-upstream, timeout: 5}}, model_info: {{id: '{group}-1'}}}}\n"
    )
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn error(&self) -> Value {
        self.json()["error"].clone()
    }
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let json = ("content-type", "application/json");
    Request::post(path).header(json.0, json.1).body(body.into()).unwrap()
}

async fn ask(gateway: &Router, request: Request<Body>) -> Reply {
    let response = gateway.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    Reply {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}
