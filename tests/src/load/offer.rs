use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use tokio::task::JoinSet;

use super::{Answer, Outcome, Progress, answer::has_retry_after};
use crate::{clock, harness::Site};

/// How long an answer is waited for: as long as OpenAI's clients would, in the worst case that
/// `overload` tells of.
const PATIENCE: Duration = Duration::from_secs(65);

/// The gateways that requests are offered to. Clones share them.
#[derive(Debug, Clone)]
pub struct Targets {
    gateways: Arc<Vec<Target>>,
    http: reqwest::Client,
}

#[derive(Debug)]
struct Target {
    url: String,
    is_out: AtomicBool,
}

/// One request to be sent.
#[derive(Debug, Clone)]
pub struct Call {
    /// When, from the beginning of the offer.
    pub at: Duration,
    /// To which gateway, counted round robin among those that are not out.
    pub turn: usize,
    /// `/v1/embeddings`, say.
    pub path: &'static str,
    /// What to send.
    pub body: Bytes,
}

impl Targets {
    /// All gateways of a site.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn of(site: &Site) -> Result<Self, reqwest::Error> {
        let target = |url: &str| Target { url: url.to_owned(), is_out: AtomicBool::new(false) };
        let urls = site.gateways.iter().map(|gateway| target(gateway.process.url()));
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { gateways: Arc::new(urls.collect()), http })
    }

    /// Takes a gateway out: nothing more is sent to it.
    pub fn take_out(&self, gateway: usize) {
        self.gateways[gateway].is_out.store(true, Ordering::Relaxed);
    }

    fn choose(&self, turn: usize) -> usize {
        let count = self.gateways.len();
        let from_here = (0..count).map(|step| (turn + step) % count);
        let mut open =
            from_here.filter(|index| !self.gateways[*index].is_out.load(Ordering::Relaxed));
        open.next().unwrap_or(turn % count)
    }
}

/// Requests under way.
#[derive(Debug)]
pub struct Offer {
    targets: Targets,
    progress: Progress,
    running: JoinSet<Answer>,
}

impl Offer {
    /// An offer to these gateways, watched by `progress`.
    #[must_use]
    pub fn to(targets: &Targets, progress: &Progress) -> Self {
        let (targets, progress) = (targets.clone(), progress.clone());
        Self { targets, progress, running: JoinSet::new() }
    }

    /// Sends every call at its moment from now, and waits for all answers.
    pub async fn send(mut self, calls: impl IntoIterator<Item = Call>) -> Vec<Answer> {
        let start = tokio::time::Instant::now();
        let mut answers = Vec::new();
        for call in calls {
            tokio::time::sleep_until(start + call.at).await;
            self.begin(call);
            while let Some(done) = self.running.try_join_next() {
                answers.extend(done);
            }
        }
        answers.extend(self.running.join_all().await);
        answers
    }

    fn begin(&mut self, call: Call) {
        let (targets, progress) = (self.targets.clone(), self.progress.clone());
        self.running.spawn(async move {
            progress.offered();
            let answer = targets.ask(call).await;
            progress.answered(answer.outcome);
            answer
        });
    }
}

impl Targets {
    async fn ask(&self, call: Call) -> Answer {
        let gateway = self.choose(call.turn);
        let url = format!("{}{}", self.gateways[gateway].url, call.path);
        let (sent_unix_ms, begin) = (clock::unix_ms(), clock::instant());
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json").body(call.body);
        let reply = request.send().await;
        let latency = begin.elapsed();
        let has_retry_after = reply.as_ref().is_ok_and(|reply| has_retry_after(reply.headers()));
        let outcome = outcome(reply).await;
        Answer { sent_unix_ms, gateway, outcome, latency, has_retry_after }
    }
}

/// An answer that breaks off is none.
async fn outcome(reply: Result<reqwest::Response, reqwest::Error>) -> Outcome {
    let Ok(reply) = reply else { return Outcome::Lost };
    let status = reply.status().as_u16();
    reply.bytes().await.map_or(Outcome::Lost, |_| Outcome::of(status))
}

/// The same request again and again, at even spaces, for so long.
pub fn every(
    space: Duration,
    span: Duration,
    path: &'static str,
    body: &Bytes,
) -> impl Iterator<Item = Call> + use<> {
    let body = body.clone();
    (0_u32..)
        .map(move |turn| (turn, space * turn))
        .take_while(move |(_, at)| *at < span)
        .map(move |(turn, at)| Call { at, turn: turn as usize, path, body: body.clone() })
}
