//! The calls: requests out, answers or problem documents in.

use std::error::Error;

use quota_api::{
    Code, Deployment, DeploymentList, DeploymentSpec, Overview, Problem, WindowList, routes,
};
use reqwest::header::{IF_MATCH, IF_NONE_MATCH, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::Refusal;

/// A standby names the active server; while one takes over, two may name each other.
const MOST_REDIRECTS: usize = 3;

/// A server to be asked.
#[derive(Debug)]
pub(super) struct AskedServer {
    pub(super) url: Url,
    pub(super) http: Client,
    pub(super) has_token: bool,
}

/// What a change expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    Nothing,
    Version(u64),
}

impl AskedServer {
    pub(super) async fn overview(&self) -> Result<Overview, Refusal> {
        let url = self.path(routes::OVERVIEW, &[]);
        self.read("the overview", self.http.get(url)).await
    }

    /// All of them, by id, read page by page. A server that knows no pages sends all at once.
    pub(super) async fn deployments(&self) -> Result<DeploymentList, Refusal> {
        let mut all = DeploymentList::default();
        let mut after = Some("0".to_owned());
        while let Some(from) = after {
            let mut url = self.path(routes::DEPLOYMENTS, &[]);
            url.query_pairs_mut().append_pair("after", &from);
            let page: DeploymentList = self.read("the deployments", self.http.get(url)).await?;
            all.deployments.extend(page.deployments);
            after = page.next;
        }
        all.deployments.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    pub(super) async fn deployment(&self, id: &str) -> Result<Deployment, Refusal> {
        self.read(&named(id), self.http.get(self.of(id))).await
    }

    pub(super) async fn windows(&self, id: &str, last: u32) -> Result<WindowList, Refusal> {
        let mut url = self.path(routes::DEPLOYMENTS, &[id, "windows"]);
        url.query_pairs_mut().append_pair("last", &last.to_string());
        self.read(&named(id), self.http.get(url)).await
    }

    pub(super) async fn put(
        &self,
        id: &str,
        spec: &DeploymentSpec,
        expect: Expect,
    ) -> Result<Deployment, Refusal> {
        let request = self.http.put(self.of(id)).json(spec);
        self.read(&named(id), expect.of(request)).await
    }

    pub(super) async fn delete(&self, id: &str, expect: Option<Expect>) -> Result<(), Refusal> {
        let request = self.http.request(Method::DELETE, self.of(id));
        let request = match expect {
            Some(expect) => expect.of(request),
            None => request,
        };
        self.ask(&named(id), request).await.map(drop)
    }

    fn of(&self, id: &str) -> Url {
        self.path(routes::DEPLOYMENTS, &[id])
    }

    /// A route, with more segments after it, as they are.
    pub(super) fn path(&self, route: &str, more: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(route.trim_matches('/').split('/')).extend(more);
        }
        url
    }

    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        what: &str,
        request: RequestBuilder,
    ) -> Result<T, Refusal> {
        let answer = self.ask(what, request).await?;
        let body = answer.bytes().await.map_err(|error| self.away(&error))?;
        serde_json::from_slice(&body).map_err(|error| self.stranger(error.to_string()))
    }

    pub(super) async fn ask(
        &self,
        what: &str,
        request: RequestBuilder,
    ) -> Result<Response, Refusal> {
        let answer = self.follow(request).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.away(&error))?;
        let Ok(problem) = serde_json::from_slice::<Problem>(&body) else {
            return Err(self.stranger(format!("it answers {status}")));
        };
        if problem.code == Code::Unauthenticated && !self.has_token {
            return Err(Refusal::NoToken { url: self.shown() });
        }
        Err(Refusal::Problem { what: what.to_owned(), problem: Box::new(problem) })
    }

    /// A standby names the active server, which is asked the same, with the same token; but never
    /// in the clear what was to be encrypted.
    async fn follow(&self, request: RequestBuilder) -> Result<Response, Refusal> {
        let mut request = request.build().map_err(|error| self.away(&error))?;
        for _ in 0..MOST_REDIRECTS {
            let again = request.try_clone();
            let answer = self.http.execute(request).await.map_err(|error| self.away(&error))?;
            let (Some(to), Some(again)) = (active(&answer), again) else {
                return Ok(answer);
            };
            if to.scheme() != self.url.scheme() {
                return Err(self.stranger(format!("it sends us to {to}")));
            }
            request = again;
            *request.url_mut() = to;
        }
        let why = "standbys name one another, so none is active yet".to_owned();
        Err(Refusal::Away { url: self.shown(), why })
    }

    pub(super) fn away(&self, error: &reqwest::Error) -> Refusal {
        // The innermost error is what people know: `connection refused`.
        let mut why: &dyn Error = error;
        while let Some(source) = why.source() {
            why = source;
        }
        let why = if error.is_timeout() { "it takes too long".into() } else { why.to_string() };
        Refusal::Away { url: self.shown(), why }
    }

    fn stranger(&self, why: String) -> Refusal {
        Refusal::Stranger { url: self.shown(), why }
    }

    pub(super) fn shown(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }
}

fn named(id: &str) -> String {
    format!("deployment `{id}`")
}

fn active(answer: &Response) -> Option<Url> {
    if answer.status() != StatusCode::TEMPORARY_REDIRECT {
        return None;
    }
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    answer.url().join(location).ok()
}

impl Expect {
    fn of(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Nothing => request.header(IF_NONE_MATCH, "*"),
            Self::Version(version) => request.header(IF_MATCH, format!("\"{version}\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::Router;
    use axum::response::IntoResponse;
    use http::HeaderMap;
    use reqwest::header::{AUTHORIZATION, HeaderValue};
    use reqwest::redirect::Policy;
    use tokio::net::TcpListener;
    use tokio_util::task::TaskTracker;

    use super::*;

    /// Listens, and answers everything so.
    async fn answering<A: IntoResponse + 'static>(
        answer: impl Fn(HeaderMap) -> A + Clone + Send + Sync + 'static,
    ) -> Url {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(move |headers: HeaderMap| {
            std::future::ready(answer(headers).into_response())
        });
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        Url::parse(&url).unwrap()
    }

    /// Sends on whoever asks.
    async fn standby(to: &str) -> AskedServer {
        let location = format!("{to}/v1/deployments");
        let sent_on = move |_| {
            let problem = serde_json::to_string(&Problem::new(Code::Standby, "no")).unwrap();
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location.clone())], problem)
        };
        let token = (AUTHORIZATION, HeaderValue::from_static("Bearer secret"));
        let http = Client::builder().redirect(Policy::none()).no_proxy();
        let http = http.default_headers(HeaderMap::from_iter([token])).build().unwrap();
        AskedServer { url: answering(sent_on).await, http, has_token: true }
    }

    #[tokio::test]
    async fn the_active_server_is_asked_the_same_with_the_same_token() {
        let active = answering(|headers| {
            let known = headers.get(AUTHORIZATION).is_some_and(|token| token == "Bearer secret");
            if known { r#"{"deployments": []}"# } else { "who is it?" }
        });
        let server = standby(active.await.as_str().trim_end_matches('/')).await;
        assert!(server.deployments().await.unwrap().deployments.is_empty());
    }

    #[tokio::test]
    async fn standbys_that_name_one_another_are_left() {
        // Its own path, on whoever is asked: it names itself.
        let refusal = standby("").await.deployments().await.unwrap_err();
        assert!(refusal.to_string().contains("name one another"), "{refusal}");
    }

    #[tokio::test]
    async fn nothing_secret_is_sent_where_another_scheme_leads() {
        let refusal = standby("https://127.0.0.1:1").await.deployments().await.unwrap_err();
        assert!(refusal.to_string().contains("it sends us to https://127.0.0.1:1"), "{refusal}");
    }
}
