//! Makes the questions, to a server that is there, again and again until there is an answer that
//! says what happened.

use std::time::Duration;

use quota_api::{
    Acquire, Batch, DeploymentSpec, GiveBack, GivenBack, Lease, Problem, UsedItem, Which, routes,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;

use super::{
    checker::{Asked, Refusal},
    grant::Span,
};
use crate::clock;

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long there may be no answer to anything: longer than an election, on a slow machine.
pub(super) const BOUND: Duration = Duration::from_secs(40);
const SPACE: Duration = Duration::from_millis(40);

/// Asks servers, one after another.
#[derive(Debug)]
pub(super) struct Player {
    http: reqwest::Client,
    urls: Vec<String>,
    /// One that is not to be asked: it stands still.
    pub(super) avoided: Option<usize>,
    /// What came last that was no answer, to be read where none came.
    pub(super) failure: String,
    next: usize,
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) span: Span,
    /// Its status and body; nothing where nobody knows what happened.
    pub(super) said: Option<(StatusCode, Vec<u8>)>,
}

impl Player {
    pub(super) fn new(urls: Vec<String>) -> Self {
        // A connection to a server that was killed is no news about the next question.
        let http = reqwest::Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).build();
        let failure = String::new();
        Self { http: http.expect("plain settings"), urls, avoided: None, failure, next: 0 }
    }

    pub(super) async fn put(&mut self, id: &str, spec: &DeploymentSpec) -> Answer {
        self.ask(Method::PUT, &routes::DEPLOYMENT.replace("{id}", id), Some(spec)).await
    }

    pub(super) async fn delete(&mut self, id: &str) -> Answer {
        self.ask(Method::DELETE, &routes::DEPLOYMENT.replace("{id}", id), None::<&()>).await
    }

    pub(super) async fn acquire(&mut self, asked: &Asked) -> Answer {
        self.ask(Method::POST, routes::LEASES, Some(&asked.body())).await
    }

    pub(super) async fn give_back(&mut self, lease: &str, told: GiveBack) -> Answer {
        let path = routes::RETURN.replace("{lease_id}", lease);
        self.ask(Method::POST, &path, Some(&told)).await
    }

    pub(super) async fn report(&mut self, holder: String, used: UsedItem) -> Answer {
        let batch = Batch { holder, used: vec![used], ..Batch::default() };
        self.ask(Method::POST, routes::BATCH, Some(&batch)).await
    }

    /// Once, and with so little patience: nobody may know what came of it.
    pub(super) async fn ask_once(&mut self, asked: &Asked) -> Answer {
        let sent_ms = clock::unix_ms();
        let said = self.send(&Method::POST, routes::LEASES, Some(&asked.body())).await;
        Answer { span: Span { sent_ms, came_ms: clock::unix_ms() }, said }
    }

    /// The answer's span begins with the first time that it was asked, and ends with the answer.
    async fn ask(&mut self, method: Method, path: &str, body: Option<&impl Serialize>) -> Answer {
        let (sent_ms, end) = (clock::unix_ms(), clock::instant() + BOUND);
        loop {
            let said = self.send(&method, path, body).await;
            if said.is_some() || clock::instant() >= end {
                return Answer { span: Span { sent_ms, came_ms: clock::unix_ms() }, said };
            }
            tokio::time::sleep(SPACE).await;
        }
    }

    /// The next server's answer. One that fails is not known to have done nothing.
    async fn send(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Option<(StatusCode, Vec<u8>)> {
        self.next += 1;
        if self.avoided == Some(self.next % self.urls.len()) {
            self.next += 1;
        }
        let url = &self.urls[self.next % self.urls.len()];
        let request = self.http.request(method.clone(), format!("{url}{path}"));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let (status, body) = match answered(request).await {
            Ok(answer) => answer,
            Err(why) => {
                self.failure = format!("{url}: {why}");
                return None;
            }
        };
        if status.is_server_error() || status.is_redirection() {
            self.failure = format!("{url}: {status} {}", String::from_utf8_lossy(&body));
            return None;
        }
        Some((status, body))
    }
}

async fn answered(request: RequestBuilder) -> reqwest::Result<(StatusCode, Vec<u8>)> {
    let answer = request.send().await?;
    Ok((answer.status(), answer.bytes().await?.to_vec()))
}

impl Asked {
    fn body(&self) -> Acquire {
        let (holder, request_id) = self.request.split_once('#').expect("it was made so");
        Acquire {
            deployment: self.deployment.clone(),
            holder: holder.to_owned(),
            request_id: request_id.to_owned(),
            tokens: self.tokens,
            requests: self.requests,
            window: Which::Current,
        }
    }
}

impl Answer {
    /// A lease, or why not.
    pub(super) fn lease(&self) -> Option<Result<Lease, Refusal>> {
        let (status, body) = self.said.as_ref()?;
        if status.is_success() {
            return Some(serde_json::from_slice(body).map_err(|_| Refusal::Other));
        }
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let is_of_long = problem.as_ref().is_some_and(|problem| problem.per.is_some());
        let is_quarantined =
            problem.is_some_and(|problem| problem.state == Some(quota_api::State::Quarantined));
        Some(Err(match status.as_u16() {
            429 if is_quarantined => Refusal::Quarantined,
            429 if is_of_long => Refusal::LongExhausted,
            429 => Refusal::Exhausted,
            404 => Refusal::NoDeployment,
            422 => Refusal::NeverFits,
            _ => Refusal::Other,
        }))
    }

    /// What was credited, if it was.
    pub(super) fn given_back(&self) -> Option<GivenBack> {
        let (status, body) = self.said.as_ref()?;
        status.is_success().then(|| serde_json::from_slice(body).ok()).flatten()
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.said.as_ref().map(|(status, _)| status.as_u16())
    }
}
