use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use gateway_client::api::{
    AcquireItem, Amount, Batch, BatchReply, Code, GivenBack, Item, Lease, LeaseWindow, Problem,
    Usage, UsagePair, UseRecorded, WindowKind, routes,
};
use tokio::net::TcpListener;

/// A quota server with one deployment and one window, which keeps its book in the plainest way.
#[derive(Clone)]
pub(super) struct FakeQuotaServer {
    pub(super) url: String,
    limit: u64,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Book {
    leases: u64,
    granted: u64,
    pub(super) given_back: u64,
    pub(super) used: Amount,
    pub(super) overrun: u64,
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

    pub(super) fn book(&self) -> Book {
        *self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of what is wanted that is left, or nothing.
    fn acquire(&self, wanted: AcquireItem) -> Item<Lease> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.limit - (book.granted - book.given_back);
        if wanted.tokens.min > self.limit {
            return Item::failed(Problem::new(Code::NeverFits, "too much"));
        }
        if wanted.tokens.min > left {
            let problem = Problem::new(Code::Exhausted, "too much").retry_after_ms(30_000);
            return Item::failed(Problem {
                state: Some(gateway_client::State::Exhausted),
                unit: Some(gateway_client::Unit::Tokens),
                usage: Some(self.usage(&book)),
                ..problem
            });
        }
        let tokens = wanted.tokens.want.min(left);
        book.granted += tokens;
        book.leases += 1;
        Item::done(201, self.lease(wanted, tokens, &book))
    }

    fn lease(&self, wanted: AcquireItem, tokens: u64, book: &Book) -> Lease {
        Lease {
            lease_id: format!("lease-{}", book.leases),
            deployment: wanted.deployment,
            tokens,
            requests: wanted.requests.want,
            starts_in_ms: 0,
            expires_in_ms: 30_000,
            window: LeaseWindow { kind: WindowKind::Minute, ends_in_ms: 40_000 },
            state: gateway_client::State::Ok,
            usage: self.usage(book),
        }
    }

    fn usage(&self, book: &Book) -> Usage {
        Usage {
            tokens: UsagePair {
                limit: Some(self.limit),
                outstanding: book.granted - book.given_back,
                overrun: 0,
            },
            requests: UsagePair::default(),
        }
    }
}

/// The tests have one lease at a time and look at the end: the last totals are the lease's.
async fn batch(
    State(server): State<FakeQuotaServer>,
    Json(batch): Json<Batch>,
) -> Json<BatchReply> {
    let mut reply = BatchReply::default();
    for item in batch.give_back {
        let total = Amount { tokens: item.tokens, requests: item.requests };
        server.book.lock().unwrap().given_back = item.tokens;
        reply.give_back.push(Item::done(
            200,
            GivenBack { lease_id: item.lease_id, credited: total, given_back: total },
        ));
    }
    for item in batch.used {
        let used = Amount { tokens: item.tokens, requests: item.requests };
        let mut book = server.book.lock().unwrap();
        (book.used, book.overrun) = (used, item.overrun.tokens);
        reply.used.push(Item::done(
            200,
            UseRecorded { lease_id: item.lease_id, used, overrun: item.overrun },
        ));
    }
    reply.acquire = batch.acquire.into_iter().map(|wanted| server.acquire(wanted)).collect();
    Json(reply)
}
