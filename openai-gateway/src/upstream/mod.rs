//! The call to the provider: sent once, answered as it answers, settled by what it says it used.
//!
//! Who owes what: never reached, nothing; answered with usage, that; anything else (an error, a
//! time-out, a broken stream, a caller that hung up), all that was reserved.
//!
//! Four times are bounded: the connection, the first byte, the silence within a stream, and the
//! whole.

mod answer;
mod bill;
mod coding;
mod outcome;
mod outgoing;
mod raw;
mod relay;
mod sse;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, debug_span};

use crate::endpoints::Endpoint;
use crate::metrics::InFlight;
use crate::routing::{Choice, Fault, Member, Stay, Target};
use answer::Reply;
use bill::{Bill, made_nothing};
use relay::Relay;

pub use answer::Answer;
pub use bill::Terms;
pub use outcome::{Failure, Remedy};
pub use outgoing::Outgoing;

/// An idle connection is closed after so long: before the provider does it in the very moment in
/// which the next call goes out. Uvicorn, which vLLM runs on, closes after 5 s.
const IDLE: Duration = Duration::from_secs(4);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The way to all providers: one client, one pool of connections.
#[derive(Clone)]
pub struct Upstream {
    http: reqwest::Client,
    terms: Terms,
}

/// Through which proxies providers are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxies {
    /// This one, if any, for https alone: of what is encrypted it sees nothing. Of plain http it
    /// would see the provider's key.
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
    BrokenOff(#[source] BoxError),
    /// The answer is larger than the gateway keeps.
    #[error("the upstream's answer is too large")]
    TooLarge,
}

impl CallError {
    /// What it says of the deployment; nothing, where the request asked for too much.
    const fn fault(&self) -> Option<Fault> {
        match self {
            Self::Unreached(_) => Some(Fault::Unreached),
            Self::TimedOut => Some(Fault::TimedOut),
            Self::BrokenOff(_) => Some(Fault::Failed),
            Self::TooLarge => None,
        }
    }
}

/// A call under way.
struct Running {
    endpoint: &'static Endpoint,
    stay: Stay,
    bill: Bill,
    in_flight: InFlight,
    started: Instant,
    /// When the answer, or a stream's first byte, must be here.
    deadline: Instant,
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

    /// Sends the call and hands on the answer: whole, or as it comes. `may_ask_usage`: no
    /// deployment refused this request yet for being told to end its stream with its usage.
    ///
    /// # Errors
    /// There is none, or one that another try may do better than.
    pub async fn call(
        &self,
        choice: Choice,
        outgoing: &Outgoing<'_>,
        may_ask_usage: bool,
    ) -> Result<Answer, Failure> {
        let running = Running::begin(choice, self.terms, outgoing);
        let target = &running.member().target;
        let asks_usage =
            may_ask_usage && outgoing.asked.hides_usage() && target.takes_stream_options();
        match self.exchange(&running, outgoing, asks_usage).await {
            Ok(Reply::Whole { status, headers, body }) => {
                let is_refused = matches!(status.as_u16(), 400 | 422);
                let names_field = || body.windows(14).any(|window| window == b"stream_options");
                let may_reword = asks_usage && is_refused && names_field();
                running.whole(status, headers, body, may_reword)
            }
            Ok(Reply::Stream { status, headers, pieces }) => {
                let (member, relay) = running.stream(pieces, outgoing.asked.hides_usage());
                let body = Body::from_stream(relay.stream());
                Ok(Answer { member, status, headers, body })
            }
            Ok(Reply::Raw { status, headers, pieces }) => {
                let (member, raw) = running.raw(pieces);
                Ok(Answer { member, status, headers, body: Body::from_stream(raw) })
            }
            Err(error) => Err(running.failed(error)),
        }
    }

    /// Sends, until the answer is here or the stream has begun.
    async fn exchange(
        &self,
        running: &Running,
        outgoing: &Outgoing<'_>,
        asks_usage: bool,
    ) -> Result<Reply, CallError> {
        let target = &running.member().target;
        let exchanged = timeout_at(running.deadline, async {
            let response = self.send(target, outgoing, asks_usage).await?;
            target.metrics.answered(response.status(), running.started.elapsed());
            Reply::read(response, running.endpoint.is_raw).await
        });
        exchanged.await.map_err(|_| CallError::TimedOut)?
    }

    /// Sends, until the head of the answer.
    async fn send(
        &self,
        target: &Target,
        outgoing: &Outgoing<'_>,
        asks_usage: bool,
    ) -> Result<reqwest::Response, CallError> {
        let span = debug_span!("upstream", otel.kind = "client", deployment = ?target.id);
        let mut headers = outgoing.headers(target);
        traces::carry(&span, &mut headers);
        let request = self.http.post(outgoing.url(target)).headers(headers);
        let sent = request.body(outgoing.body(target, asks_usage)).send().instrument(span).await;
        sent.map_err(|error| match error.is_connect() {
            true => CallError::Unreached(error.without_url()),
            false => CallError::BrokenOff(error.without_url().into()),
        })
    }
}

impl Running {
    fn begin(choice: Choice, terms: Terms, outgoing: &Outgoing<'_>) -> Self {
        let member = Arc::clone(choice.stay.member());
        let target = &member.target;
        let started = Instant::now();
        let streams = outgoing.asked.streams() || outgoing.endpoint.is_raw;
        let patience = if streams { target.stream_timeout } else { target.timeout };
        Self {
            endpoint: outgoing.endpoint,
            in_flight: target.metrics.fly(),
            started,
            deadline: started + patience,
            bill: Bill::new(Arc::clone(&member), choice.permit, terms),
            stay: choice.stay,
        }
    }

    const fn member(&self) -> &Arc<Member> {
        self.stay.member()
    }

    /// The provider gave no answer.
    fn failed(self, error: CallError) -> Failure {
        let target = &self.member().target;
        tracing::warn!(deployment = ?target.id, error = &error as &dyn std::error::Error, "no answer");
        let fault = error.fault();
        fault.into_iter().for_each(|fault| fail(&self.stay, fault));
        if matches!(error, CallError::Unreached(_)) {
            self.bill.cancel();
        }
        Failure { said: Box::new(Err(error)), remedy: fault.map(|_| Remedy::Sibling) }
    }

    /// The provider gave an answer.
    fn whole(
        self,
        status: StatusCode,
        headers: HeaderMap,
        body: bytes::Bytes,
        may_reword: bool,
    ) -> Result<Answer, Failure> {
        let fault = outcome::fault(status, &headers);
        // Where callers choose the model, that there is none of this name says nothing of the
        // deployment.
        let is_their_model =
            status == StatusCode::NOT_FOUND && self.member().target.pattern.is_some();
        // Nor does it that it has no such endpoint: a sibling may.
        let lacks_it = !self.endpoint.is_everywhere && matches!(status.as_u16(), 404 | 405 | 501);
        let fault = fault.filter(|_| !is_their_model && !lacks_it);
        match fault {
            Some(fault) => fail(&self.stay, fault),
            None => self.stay.succeeded(),
        }
        let used = (self.endpoint.used)(&body).filter(|_| status.is_success());
        if status.is_success() {
            let output = used.map_or(0, |used| used.output);
            self.stay.answered(self.started.elapsed(), output);
        }
        match used {
            _ if made_nothing(status) || lacks_it => self.bill.refuse(),
            Some(used) => self.bill.settle(used.total),
            None => drop(self.bill),
        }
        let leaves = outcome::leaves(status, &body).map(Remedy::Leave);
        let reword = may_reword.then_some(Remedy::Reword);
        let elsewhere =
            (fault.is_some() || (lacks_it && !is_their_model)).then_some(Remedy::Sibling);
        let remedy = reword.or(elsewhere).or(leaves);
        let member = Arc::clone(self.stay.member());
        let answer = Answer { member, status, headers, body: Body::from(body) };
        match remedy {
            None => Ok(answer),
            remedy => Err(Failure { said: Box::new(Ok(answer)), remedy }),
        }
    }

    fn stream(self, pieces: answer::Pieces, hides_usage: bool) -> (Arc<Member>, Relay) {
        let (member, in_flight) = self.began();
        let owed = (self.bill, self.stay);
        let in_flight = [self.in_flight, in_flight];
        (member, Relay::new(self.endpoint, pieces, owed, hides_usage, in_flight))
    }

    fn raw(self, pieces: answer::Pieces) -> (Arc<Member>, raw::RawPieces) {
        let (member, in_flight) = self.began();
        let owed = (self.bill, self.stay);
        (member, raw::relay(pieces, owed, [self.in_flight, in_flight]))
    }

    /// Its first byte is here.
    fn began(&self) -> (Arc<Member>, InFlight) {
        self.stay.succeeded();
        self.stay.began(self.started.elapsed());
        let member = Arc::clone(self.stay.member());
        let in_flight = member.target.metrics.stream();
        (member, in_flight)
    }
}

/// A deployment's provider failed: it may be left alone for a while.
fn fail(stay: &Stay, fault: Fault) {
    let Some(span) = stay.failed(fault) else { return };
    let target = &stay.member().target;
    target.metrics.cooled();
    tracing::warn!(deployment = ?target.id, ?fault, ?span, "left alone for a while");
}
