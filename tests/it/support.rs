//! A client that says anything, also what is wrong, and gives back what was answered as it is.

use http::{HeaderMap, Method, StatusCode};
use quota_api::{Code, DeploymentSpec, WindowKind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tests::harness::QuotaServer;

/// A deployment of 500 tokens and 50 requests in any 60 s, so that no test sees a minute's end.
pub(crate) const DEPLOYMENT: &str = "embeddings";
pub(crate) const TOKENS: u64 = 500;
pub(crate) const REQUESTS: u64 = 50;

pub(crate) fn spec() -> DeploymentSpec {
    DeploymentSpec {
        tpm_limit: Some(TOKENS),
        rpm_limit: Some(REQUESTS),
        window: WindowKind::Rolling,
        ..DeploymentSpec::default()
    }
}

pub(crate) async fn server() -> QuotaServer {
    QuotaServer::builder().deployment(DEPLOYMENT, spec()).start().await.unwrap()
}

/// The file that a server has its books in.
pub(crate) async fn ledger_file(server: &QuotaServer) -> SqliteConnection {
    let file = server.data_dir().join("ledger-00.sqlite");
    SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

/// Writes something else over the last entry of the journal, and says its number.
pub(crate) async fn damage_last_entry(server: &QuotaServer) -> i64 {
    let mut file = ledger_file(server).await;
    let damage =
        "UPDATE journal SET entry = zeroblob(99) WHERE seq = (SELECT max(seq) FROM journal)
        RETURNING seq";
    let seq = sqlx::query_scalar(damage).fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    seq
}

/// Somebody who talks to the server.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Caller {
    pub(crate) fn of(server: &QuotaServer) -> Self {
        let url = server.process.url().to_owned();
        // A connection for each call: one that is kept may be closed by the server, as idle, in the
        // moment in which the next call goes out on it.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { http, url, token: None }
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Said {
        self.send(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Said {
        self.send(Method::POST, path, &[], Some(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Said {
        self.send(Method::PUT, path, &[], Some(body.to_string())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Said {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// With these headers; JSON unless they say otherwise.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Said {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.body(body.unwrap_or_default()).send().await.unwrap();
        let (status, headers) = (reply.status(), reply.headers().clone());
        Said { status, headers, text: reply.text().await.unwrap() }
    }

    /// A lease of exactly this, or its problem.
    pub(crate) async fn acquire(&self, request_id: &str, tokens: u64, requests: u64) -> Said {
        self.post(quota_api::routes::LEASES, &acquire(request_id, tokens, requests)).await
    }

    pub(crate) async fn give_back(&self, lease_id: &str, tokens: u64, requests: u64) -> Said {
        let body = json!({"tokens": tokens, "requests": requests});
        self.post(&format!("/v1/leases/{lease_id}/return"), &body).await
    }
}

/// The body of an acquire that asks for exactly this.
pub(crate) fn acquire(request_id: &str, tokens: u64, requests: u64) -> Value {
    json!({
        "deployment": DEPLOYMENT,
        "holder": "gw-1/a",
        "request_id": request_id,
        "tokens": {"min": tokens, "want": tokens},
        "requests": {"min": requests, "want": requests},
    })
}

impl Said {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why} in {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }

    /// The body, if it went well.
    #[track_caller]
    pub(crate) fn done<T: DeserializeOwned>(&self, status: u16) -> T {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The problem, which must be of this kind.
    #[track_caller]
    pub(crate) fn problem(&self, code: Code) -> quota_api::Problem {
        assert_eq!(self.status, code.status(), "wanted {}: {}", code.as_str(), self.text);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem: quota_api::Problem = self.json();
        assert_eq!(problem.code, code, "{}", self.text);
        assert!(!problem.detail.is_empty() && !problem.title.is_empty(), "{}", self.text);
        problem
    }
}
