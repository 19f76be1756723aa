//! The call to the provider: sent once, answered as it answers, settled by what it says it used.
//!
//! Who owes what: never reached, nothing; answered with usage, that; anything else (an error, a
//! time-out, a broken stream, a caller that hung up), all that was reserved.

mod answer;
mod bill;
mod relay;
mod sse;
mod usage;

use std::time::Duration;

use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use reqwest::Url;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, debug_span};

use crate::routing::{Choice, Target};
use bill::Bill;

pub use answer::Answer;
pub use bill::Terms;

/// An idle connection is closed after so long: before the provider does it in the very moment in
/// which the next call goes out. Uvicorn, which vLLM runs on, closes after 5 s.
const IDLE: Duration = Duration::from_secs(4);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The way to all providers: one client, one pool of connections.
#[derive(Clone)]
pub struct Upstream {
    http: reqwest::Client,
    terms: Terms,
}

/// Through which proxies providers are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxies {
    /// This one, if any, for https alone: of what is encrypted it sees nothing. Of plain http it would see the
    /// provider's key.
    Encrypted(Option<String>),
    /// Whatever the environment says, for plain http as well.
    Environment,
}

/// The provider didn't answer. No URL is kept: there may be a key in its query.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection: nothing was sent, nothing is owed.
    #[error("the upstream could not be reached")]
    Unreached(#[source] reqwest::Error),
    /// It took longer than the deployment's timeout.
    #[error("the upstream did not answer in time")]
    TimedOut,
    /// The connection broke before the answer was whole.
    #[error("the upstream broke off its answer")]
    BrokenOff(#[source] reqwest::Error),
    /// The answer is larger than the gateway keeps.
    #[error("the upstream's answer is too large")]
    TooLarge,
}

/// What is sent.
pub struct Call {
    /// Where.
    pub url: Url,
    /// The body, JSON.
    pub body: String,
    /// The caller asked for the usage as a stream's last piece.
    pub include_usage: bool,
}

impl Upstream {
    /// Prepares the way.
    ///
    /// # Errors
    /// TLS can't be set up.
    pub fn new(terms: Terms, proxies: Proxies) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder();
        let builder = match proxies {
            Proxies::Environment => builder,
            Proxies::Encrypted(None) => builder.no_proxy(),
            Proxies::Encrypted(Some(proxy)) => {
                let proxy = reqwest::Proxy::https(proxy)?.no_proxy(reqwest::NoProxy::from_env());
                builder.no_proxy().proxy(proxy)
            }
        };
        let http = builder
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(usize::MAX)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            // A provider doesn't redirect; following one would carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, terms })
    }

    /// Sends the call and hands on the answer: whole, or as it comes.
    ///
    /// # Errors
    /// There is none.
    pub async fn call(&self, choice: Choice, call: Call) -> Result<Answer, CallError> {
        let target = choice.target.clone();
        let bill = Bill::new(choice, self.terms);
        let in_flight = target.metrics.fly();
        let started = Instant::now();
        let deadline = started + target.timeout;
        let response = match self.send(&target, call.url, call.body, deadline).await {
            Err(unreached @ CallError::Unreached(_)) => {
                bill.cancel();
                return Err(unreached);
            }
            sent => sent?,
        };
        target.metrics.answered(response.status(), started.elapsed());
        if answer::is_stream(&response) {
            return Ok(answer::stream(response, bill, &target, call.include_usage, in_flight));
        }
        let whole = timeout_at(deadline, answer::whole(response, bill));
        whole.await.map_err(|_| CallError::TimedOut)?
    }

    /// Sends, until the head of the answer.
    async fn send(
        &self,
        target: &Target,
        url: Url,
        body: String,
        deadline: Instant,
    ) -> Result<reqwest::Response, CallError> {
        let span = debug_span!("upstream", otel.kind = "client", deployment = ?target.id);
        let mut headers = target.headers.clone();
        traces::carry(&span, &mut headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let accept = || HeaderValue::from_static("application/json, text/event-stream");
        headers.entry(ACCEPT).or_insert_with(accept);
        let request = self.http.post(url).headers(headers);
        let sent = timeout_at(deadline, request.body(body).send()).instrument(span).await;
        let sent = sent.map_err(|_| CallError::TimedOut)?;
        sent.map_err(|error| match error.is_connect() {
            true => CallError::Unreached(error.without_url()),
            false => CallError::BrokenOff(error.without_url()),
        })
    }
}
