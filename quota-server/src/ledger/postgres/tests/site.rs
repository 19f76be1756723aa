//! Servers on one PostgreSQL, each as on a machine of its own.

use std::sync::Arc;
use std::time::Duration;

use quota_core::{Amount, Limit, PeriodLimits, Policy, RequestKey, Settlement, WindowKind, Wish};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::clock::manual::ManualClock;
use crate::ledger::postgres::{PostgresConfig, PostgresLedger};
use crate::ledger::{Caller, LeaseRef, Ledger, Op, OpError, Put, Reply, Role, Unavailable};
use crate::memory::Memory;
use crate::store::postgres::testing::TestDatabase;

/// A database and the servers on it.
pub(super) struct Site {
    pub(super) on: TestDatabase,
    requests: u128,
}

/// One server.
pub(super) struct Server {
    pub(super) ledger: PostgresLedger,
    pub(super) clock: ManualClock,
    pub(super) url: Arc<str>,
}

impl Site {
    pub(super) async fn new() -> Self {
        Self { on: TestDatabase::new().await, requests: 0 }
    }

    pub(super) async fn alone() -> Self {
        Self { on: TestDatabase::alone().await, requests: 0 }
    }

    pub(super) async fn server(&self, name: &str, clock: &ManualClock) -> Server {
        let url: Arc<str> = format!("http://{name}:7700").into();
        let config = PostgresConfig {
            database: (&self.on.url).into(),
            advertise_url: Arc::clone(&url),
            server: name.into(),
            migrate: true,
            history_hours: 1,
            memory: Memory::of_mib(1_024),
        };
        let clock = clock.clone();
        let (tracker, reads) = (TaskTracker::new(), Arc::new(clock.clone()));
        let ledger = PostgresLedger::open(config, reads, &tracker).await.unwrap();
        Server { ledger, clock, url }
    }

    /// Acquires exactly this of `a`.
    pub(super) async fn take(&mut self, server: &Server, tokens: u64) -> Result<LeaseRef, OpError> {
        self.requests += 1;
        take(server, tokens, self.requests).await
    }
}

/// Acquires exactly this of `a`, as this request.
pub(super) async fn take(server: &Server, tokens: u64, request: u128) -> Result<LeaseRef, OpError> {
    let amount = Amount::new(tokens, 1);
    let wish = Wish { request: RequestKey(request), min: amount, want: amount, ahead: false };
    match server.one(Op::Acquire { deployment: "a".into(), wish }).await? {
        Reply::Granted { lease, .. } => Ok(lease),
        other => panic!("{other:?}"),
    }
}

impl Server {
    pub(super) async fn one(&self, op: Op) -> Result<Reply, OpError> {
        let caller = Caller { credential: "token".into(), holder: "gw-1/5f".into() };
        self.ledger.run(caller, vec![op]).await.remove(0)
    }

    /// The deployment `a`, with so many tokens a minute.
    pub(super) async fn put(&self, tokens: u64) {
        let limit = Limit::new(Some(tokens), None);
        let (kind, settlement) = (WindowKind::Minute, Settlement::Refund);
        let policy = Policy {
            limit,
            kind,
            life_ms: 2_000,
            guard_ms: 200,
            settlement,
            periods: PeriodLimits::default(),
        };
        let put = Put { id: "a".into(), policy, details: "{}".into(), expected: None };
        self.ledger.put(put).await.unwrap();
    }

    pub(super) fn is_active(&self) -> bool {
        self.ledger.role() == Role::Active
    }

    /// Granted of `a` in the newest window that this server knows.
    pub(super) async fn granted(&self) -> u64 {
        let pages = self.ledger.windows("a".into(), 60).await;
        pages
            .ok()
            .flatten()
            .and_then(|pages| pages.first().map(|page| page.granted.tokens()))
            .unwrap_or(0)
    }

    /// Ends as by `kill -9`: no goodbye.
    pub(super) async fn kill(&self) {
        self.ledger.kill().await;
    }
}

/// Waits until something holds.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..1_500 {
        if holds().await {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// A machine of its own, whose wall clock is so far off.
pub(super) fn machine(boot: u128, wall_off_ms: i64) -> ManualClock {
    let clock = ManualClock::new();
    clock.step_wall(wall_off_ms);
    clock.on_machine(boot, 400_000 * u64::try_from(boot).unwrap_or(1));
    clock
}

/// It was refused by a server that cannot vouch for what it would grant from, or cannot write it.
#[track_caller]
pub(super) fn cannot_write<T: std::fmt::Debug>(result: &Result<T, OpError>) {
    let is_so = matches!(result, Err(OpError::Unavailable(Unavailable::CannotWrite)));
    assert!(is_so, "{result:?}");
}

pub(super) fn is_denied<T>(result: &Result<T, OpError>) -> bool {
    matches!(result, Err(OpError::Refused { refusal: quota_core::Refusal::Denied(_), .. }))
}
