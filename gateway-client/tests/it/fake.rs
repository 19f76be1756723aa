//! A quota server in a few lines: one limit, one window that never ends, and misbehaviour on
//! request. What was said to it is kept. Several servers may have one book.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gateway_client::api::{
    AcquireItem, Batch, BatchReply, Code, Deployment, DeploymentList, DeploymentSpec, GiveBackItem,
    GivenBack, Item, Lease, LeaseWindow, Problem, State, Unit, Usage, UsagePair, UseRecorded,
    UsedItem, WindowKind, routes,
};
use gateway_client::{Builder, QuotaClient};
use tokio_util::task::TaskTracker;

use crate::future;

/// How it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Does what it is asked, and never says so.
    Mute,
    /// Cannot work.
    Away,
    /// Answers, but cannot work on any entry.
    Troubled,
    /// Sends everybody to the server at this URL.
    Standby(String),
    /// Knows no token.
    Strict,
    /// Answers as a server of the future might: what it says of deployments whose names begin with
    /// `newer` nobody here knows, and there is more in all of it than anybody here reads.
    Newer,
    /// Has no deployments.
    Empty,
    /// Denies with this state and retry time.
    Denying(State, u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) url: String,
    book: Arc<Mutex<Book>>,
    front: Arc<Mutex<Front>>,
}

/// What one server has for itself.
#[derive(Debug)]
struct Front {
    mood: Mood,
    messages: usize,
}

#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) limit: u64,
    pub(crate) batches: Vec<Batch>,
    pub(crate) deployments: HashMap<String, DeploymentSpec>,
    pub(crate) authorization: Option<String>,
    leases: HashMap<String, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    granted: u64,
    given_back: u64,
    used: u64,
}

impl Fake {
    pub(crate) async fn start(limit: u64) -> Self {
        Self::start_at("127.0.0.1:0", limit).await
    }

    pub(crate) async fn start_at(address: &str, limit: u64) -> Self {
        let book = Book {
            limit,
            batches: Vec::new(),
            deployments: HashMap::new(),
            authorization: None,
            leases: HashMap::new(),
        };
        Self::serve(address, Arc::new(Mutex::new(book))).await
    }

    /// Another server with the same book.
    pub(crate) async fn another(&self) -> Self {
        self.another_at("127.0.0.1:0").await
    }

    pub(crate) async fn another_at(&self, address: &str) -> Self {
        Self::serve(address, self.book.clone()).await
    }

    async fn serve(address: &str, book: Arc<Mutex<Book>>) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.expect("it is free");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let front = Arc::new(Mutex::new(Front { mood: Mood::Well, messages: 0 }));
        let fake = Self { url, book, front };
        let app = axum::Router::new()
            .route(routes::BATCH, post(batch))
            .route(routes::DEPLOYMENT, get(deployment).put(put_deployment))
            .route(routes::DEPLOYMENTS, get(deployments))
            .route(routes::READYZ, get(ready))
            .with_state(fake.clone());
        TaskTracker::new().spawn(async { axum::serve(listener, app).await });
        fake
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no handler panics")
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.front().mood = mood;
    }

    /// How many messages came to this server.
    pub(crate) fn messages(&self) -> usize {
        self.front().messages
    }

    fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().expect("no handler panics")
    }

    pub(crate) fn client(&self) -> Builder {
        QuotaClient::builder(&self.url).holder("gw").instance("1")
    }

    /// Waits until something holds, for at most ten seconds.
    pub(crate) async fn until(&self, holds: impl Fn(&Book) -> bool) {
        for _ in 0..2_000 {
            if holds(&self.book()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never came true: {:?}", self.book());
    }
}

impl Book {
    pub(crate) fn outstanding(&self) -> u64 {
        let kept = |entry: &Entry| entry.granted - entry.given_back;
        self.leases.values().map(kept).sum()
    }

    pub(crate) fn used(&self) -> u64 {
        self.leases.values().map(|entry| entry.used).sum()
    }

    pub(crate) fn leases(&self) -> usize {
        self.leases.len()
    }

    pub(crate) fn asks(&self) -> impl Iterator<Item = &AcquireItem> {
        self.batches.iter().flat_map(|batch| &batch.acquire)
    }

    fn answer(&mut self, batch: &Batch, mood: &Mood) -> BatchReply {
        BatchReply {
            give_back: batch.give_back.iter().map(|item| self.give_back(item)).collect(),
            used: batch.used.iter().map(|item| self.record(item)).collect(),
            acquire: batch.acquire.iter().map(|item| self.acquire(item, mood)).collect(),
        }
    }

    fn acquire(&mut self, item: &AcquireItem, mood: &Mood) -> Item<Lease> {
        if item.deployment == "unknown" || mood == &Mood::Empty {
            return Item::failed(Problem::new(Code::DeploymentNotFound, "no"));
        }
        if item.tokens.min > self.limit {
            return Item::failed(Problem {
                unit: Some(Unit::Tokens),
                ..Problem::new(Code::NeverFits, "no")
            });
        }
        if let Mood::Denying(state, retry_after_ms) = mood {
            return Item::failed(self.denial(*state, *retry_after_ms));
        }
        let left = self.limit - self.outstanding();
        if !self.leases.contains_key(&item.request_id) {
            if item.tokens.min > left {
                return Item::failed(self.denial(State::Exhausted, 30_000));
            }
            let granted = item.tokens.want.min(left);
            self.leases.insert(item.request_id.clone(), Entry { granted, ..Entry::default() });
        }
        Item::done(201, self.lease(item))
    }

    fn lease(&self, item: &AcquireItem) -> Lease {
        Lease {
            lease_id: item.request_id.clone(),
            deployment: item.deployment.clone(),
            tokens: self.leases[&item.request_id].granted,
            requests: item.requests.want,
            starts_in_ms: 0,
            expires_in_ms: 2_000,
            window: LeaseWindow {
                kind: WindowKind::Rolling,
                ends_in_ms: 62_000,
                returns_in_ms: None,
            },
            state: State::Ok,
            usage: self.usage(),
        }
    }

    fn usage(&self) -> Usage {
        let tokens =
            UsagePair { limit: Some(self.limit), outstanding: self.outstanding(), overrun: 0 };
        Usage { tokens, requests: UsagePair::default() }
    }

    fn denial(&self, state: State, retry_after_ms: u64) -> Problem {
        let problem = Problem::new(Code::Exhausted, "no").retry_after_ms(retry_after_ms);
        let usage = Some(self.usage());
        Problem { state: Some(state), unit: Some(Unit::Tokens), usage, ..problem }
    }

    fn give_back(&mut self, item: &GiveBackItem) -> Item<GivenBack> {
        let lease = self.leases.get_mut(&item.lease_id).expect("its own lease");
        lease.given_back = lease.given_back.max(item.tokens);
        assert!(lease.given_back + lease.used <= lease.granted, "{lease:?}");
        let (lease_id, nothing) = (item.lease_id.clone(), quota_api::Amount::default());
        Item::done(200, GivenBack { lease_id, credited: nothing, given_back: nothing })
    }

    fn record(&mut self, item: &UsedItem) -> Item<UseRecorded> {
        let lease = self.leases.get_mut(&item.lease_id).expect("its own lease");
        lease.used = lease.used.max(item.tokens);
        assert!(lease.given_back + lease.used <= lease.granted, "{lease:?}");
        let (lease_id, nothing) = (item.lease_id.clone(), quota_api::Amount::default());
        Item::done(200, UseRecorded { lease_id, used: nothing, overrun: item.overrun })
    }
}

async fn batch(
    Shared(fake): Shared<Fake>,
    headers: HeaderMap,
    Json(batch): Json<Batch>,
) -> Response {
    let mood = fake.greeted();
    let reply = {
        let mut book = fake.book();
        let authorization = headers.get("authorization");
        book.authorization = authorization.map(|value| value.to_str().expect("ASCII").to_owned());
        book.batches.push(batch.clone());
        matches!(mood, Mood::Well | Mood::Mute | Mood::Newer | Mood::Empty | Mood::Denying(..))
            .then(|| book.answer(&batch, &mood))
    };
    match (mood, reply) {
        (Mood::Mute, _) => std::future::pending().await,
        (Mood::Troubled, _) => Json(trouble(&batch)).into_response(),
        (Mood::Newer, Some(reply)) => future::answer(&batch, &reply).into_response(),
        (_, Some(reply)) => Json(reply).into_response(),
        (mood, None) => mood.refusal(routes::BATCH),
    }
}

fn trouble(batch: &Batch) -> BatchReply {
    fn failed<T>() -> Item<T> {
        Item::failed(Problem::new(Code::LedgerUnavailable, "no"))
    }
    BatchReply {
        acquire: batch.acquire.iter().map(|_| failed()).collect(),
        give_back: batch.give_back.iter().map(|_| failed()).collect(),
        used: batch.used.iter().map(|_| failed()).collect(),
    }
}

impl Fake {
    fn greeted(&self) -> Mood {
        let mut front = self.front();
        front.messages += 1;
        front.mood.clone()
    }
}

impl Mood {
    /// How a call is turned away.
    fn refusal(self, path: &str) -> Response {
        match self {
            Self::Standby(active) => {
                let location = [("location", format!("{active}{path}"))];
                (location, problem(Code::Standby)).into_response()
            }
            Self::Strict => problem(Code::Unauthenticated),
            _ => problem(Code::LedgerUnavailable),
        }
    }
}

async fn ready(Shared(fake): Shared<Fake>) -> StatusCode {
    let is_well = fake.front().mood == Mood::Well;
    if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn put_deployment(
    Shared(fake): Shared<Fake>,
    axum::extract::Path(id): axum::extract::Path<String>,
    Json(spec): Json<DeploymentSpec>,
) -> Response {
    let mood = fake.greeted();
    if mood != Mood::Well {
        return mood.refusal(&routes::DEPLOYMENT.replace("{id}", &id));
    }
    fake.book().deployments.insert(id.clone(), spec.clone());
    Json(Deployment { id, spec, version: 1, declared: None }).into_response()
}

async fn deployment(
    Shared(fake): Shared<Fake>,
    axum::extract::Path(id): axum::extract::Path<String>,
) -> Response {
    match fake.book().deployments.get(&id).cloned() {
        Some(spec) => Json(Deployment { id, spec, version: 1, declared: None }).into_response(),
        None => problem(Code::DeploymentNotFound),
    }
}

async fn deployments(Shared(fake): Shared<Fake>) -> Json<DeploymentList> {
    let book = fake.book();
    let made = book.deployments.iter();
    let deployments = made.map(|(id, spec)| Deployment {
        id: id.clone(),
        spec: spec.clone(),
        version: 1,
        declared: None,
    });
    Json(DeploymentList { deployments: deployments.collect(), next: None })
}

fn problem(code: Code) -> Response {
    let status = StatusCode::from_u16(code.status()).expect("a status");
    (status, Json(Problem::new(code, "no"))).into_response()
}
