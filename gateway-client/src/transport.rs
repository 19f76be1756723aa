//! The lease API over HTTP: requests out, answers or problem documents in.

use std::time::Duration;

use quota_api::{Batch, BatchReply, Code, Deployment, DeploymentSpec, Problem, routes};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use crate::refill::Failure;
use crate::{BuildError, CallError};

/// An idle connection is closed after so long, before the server (after a minute) or a proxy in
/// between does it in the very moment in which the next message goes out.
const IDLE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    server: Url,
}

impl Transport {
    pub(crate) fn new(
        url: &str,
        token: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, BuildError> {
        let server = Url::parse(url)
            .ok()
            .filter(|server| matches!(server.scheme(), "http" | "https") && server.has_host())
            .ok_or_else(|| BuildError::Url(url.to_owned()))?;
        // Straight to the server: a proxy from the environment is meant for other traffic.
        let http = reqwest::Client::builder()
            .default_headers(headers(token)?)
            .timeout(timeout)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, server })
    }

    pub(crate) async fn batch(&self, batch: &Batch) -> Result<BatchReply, CallError> {
        let url = self.url(routes::BATCH.trim_start_matches('/').split('/'));
        call(self.http.post(url).json(batch)).await
    }

    pub(crate) async fn put_deployment(
        &self,
        id: &str,
        spec: &DeploymentSpec,
    ) -> Result<Deployment, CallError> {
        call(self.http.put(self.deployment_url(id)).json(spec)).await
    }

    pub(crate) async fn deployment(&self, id: &str) -> Result<Deployment, CallError> {
        call(self.http.get(self.deployment_url(id))).await
    }

    fn deployment_url(&self, id: &str) -> Url {
        let segments = routes::DEPLOYMENTS.trim_start_matches('/').split('/');
        self.url(segments.chain([id]))
    }

    fn url<'a>(&self, segments: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.server.clone();
        url.path_segments_mut()
            .expect("a URL with a host has segments")
            .pop_if_empty()
            .extend(segments);
        url
    }
}

fn headers(token: Option<&str>) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| BuildError::Token)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

async fn call<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallError> {
    let response = request.send().await?;
    if response.status().is_success() {
        let body = response.bytes().await?;
        return serde_json::from_slice(&body).map_err(CallError::Unreadable);
    }
    Err(refusal(response).await)
}

async fn refusal(response: Response) -> CallError {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap_or_default();
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => CallError::Problem(Box::new(problem)),
        Err(_) => CallError::Status(status),
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::Problem(problem) if refuses(problem.code) => Self::Refused,
            CallError::Problem(problem) => {
                Self::Away { retry_after: problem.retry_after_ms.map(Duration::from_millis) }
            }
            _ => Self::Away { retry_after: None },
        }
    }
}

/// Whether a batch that is answered so is refused for what the client is, not for what it says.
fn refuses(code: Code) -> bool {
    matches!(code, Code::Unauthenticated | Code::Forbidden)
}
