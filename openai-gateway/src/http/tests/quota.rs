use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use gateway_client::api::{
    AcquireItem, Amount, Batch, BatchReply, Code, GiveBackItem, GivenBack, Item, Lease,
    LeaseWindow, Problem, State as QuotaState, Unit, Usage, UsagePair, UseRecorded, UsedItem,
    WindowKind, routes,
};
use tokio::net::TcpListener;

/// A quota server with one deployment and one window, which keeps its book in the plainest way.
#[derive(Clone)]
pub(super) struct FakeQuotaServer {
    pub(super) url: String,
    limit: u64,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    leases: BTreeMap<String, LeaseBook>,
    denials: usize,
    unknown: BTreeSet<String>,
}

/// Totals, as the holder told them.
#[derive(Debug, Default, Clone, Copy)]
struct LeaseBook {
    granted_tokens: u64,
    given_back_tokens: u64,
    used: Amount,
}

impl Book {
    fn outstanding_tokens(&self) -> u64 {
        let leases = self.leases.values();
        leases.map(|lease| lease.granted_tokens - lease.given_back_tokens).sum()
    }

    fn lease(&mut self, id: &str) -> &mut LeaseBook {
        self.leases.get_mut(id).expect("a lease that was granted")
    }
}

impl FakeQuotaServer {
    /// Grants up to this many tokens, one lease after another; requests without end.
    pub(super) async fn start(limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            limit,
            book: Arc::default(),
        };
        let router = Router::new().route(routes::BATCH, post(batch)).with_state(server.clone());
        tokio_util::task::TaskTracker::new().spawn(async { axum::serve(listener, router).await });
        server
    }

    /// It has no deployment of this id any more; of any, for `*`.
    pub(super) fn forget(&self, id: &str) {
        self.book().unknown.insert(id.to_owned());
    }

    /// A deployment of this id is made.
    pub(super) fn make(&self, id: &str) {
        self.book().unknown.remove(id);
    }

    /// What all holders told that they used, overruns too.
    pub(super) fn used(&self) -> Amount {
        let book = self.book();
        let used = book.leases.values().map(|lease| lease.used);
        used.fold(Amount::default(), |sum, used| Amount {
            tokens: sum.tokens + used.tokens,
            requests: sum.requests + used.requests,
        })
    }

    /// How many were granted.
    pub(super) fn leases(&self) -> usize {
        self.book().leases.len()
    }

    /// How often it had not enough left.
    pub(super) fn denials(&self) -> usize {
        self.book().denials
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// All of what is wanted that is left, or nothing.
    fn acquire(&self, wanted: AcquireItem) -> Item<Lease> {
        let mut book = self.book();
        if book.unknown.contains(&wanted.deployment) || book.unknown.contains("*") {
            return Item::failed(Problem::new(Code::DeploymentNotFound, "there is none"));
        }
        let left = self.limit - book.outstanding_tokens();
        if wanted.tokens.min > self.limit {
            return Item::failed(Problem::new(Code::NeverFits, "too much"));
        }
        if wanted.tokens.min > left {
            book.denials += 1;
            let problem = Problem::new(Code::Exhausted, "too much").retry_after_ms(30_000);
            return Item::failed(Problem {
                state: Some(QuotaState::Exhausted),
                unit: Some(Unit::Tokens),
                usage: Some(self.usage(&book)),
                ..problem
            });
        }
        let lease =
            LeaseBook { granted_tokens: wanted.tokens.want.min(left), ..LeaseBook::default() };
        // The request's id names the lease: a repeated request finds it again.
        let lease = *book.leases.entry(wanted.request_id.clone()).or_insert(lease);
        Item::done(201, self.lease(wanted, lease.granted_tokens, &book))
    }

    fn give_back(&self, item: GiveBackItem) -> Item<GivenBack> {
        self.book().lease(&item.lease_id).given_back_tokens = item.tokens;
        let given_back = Amount { tokens: item.tokens, requests: item.requests };
        Item::done(200, GivenBack { lease_id: item.lease_id, credited: given_back, given_back })
    }

    fn record(&self, item: UsedItem) -> Item<UseRecorded> {
        let used = Amount { tokens: item.tokens, requests: item.requests };
        self.book().lease(&item.lease_id).used = Amount {
            tokens: used.tokens + item.overrun.tokens,
            requests: used.requests + item.overrun.requests,
        };
        Item::done(200, UseRecorded { lease_id: item.lease_id, used, overrun: item.overrun })
    }

    fn lease(&self, wanted: AcquireItem, tokens: u64, book: &Book) -> Lease {
        Lease {
            lease_id: wanted.request_id,
            deployment: wanted.deployment,
            tokens,
            requests: wanted.requests.want,
            starts_in_ms: 0,
            expires_in_ms: 30_000,
            window: LeaseWindow {
                kind: WindowKind::Minute,
                ends_in_ms: 40_000,
                returns_in_ms: None,
            },
            state: QuotaState::Ok,
            usage: self.usage(book),
        }
    }

    fn usage(&self, book: &Book) -> Usage {
        Usage {
            tokens: UsagePair {
                limit: Some(self.limit),
                outstanding: book.outstanding_tokens(),
                overrun: 0,
            },
            requests: UsagePair::default(),
        }
    }
}

async fn batch(
    State(server): State<FakeQuotaServer>,
    Json(batch): Json<Batch>,
) -> Json<BatchReply> {
    let give_back = batch.give_back.into_iter().map(|item| server.give_back(item)).collect();
    let used = batch.used.into_iter().map(|item| server.record(item)).collect();
    let acquire = batch.acquire.into_iter().map(|wanted| server.acquire(wanted)).collect();
    Json(BatchReply { acquire, give_back, used })
}
