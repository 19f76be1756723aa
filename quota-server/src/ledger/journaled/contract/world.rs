//! A ledger that can be stopped, crashed and started again, and words to talk to it.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use quota_core::{
    Amount, BookPage, Granted, Limit, Now, PeriodLimits, Policy, RequestKey, Returned, Settlement,
    Standing, Used, WindowKind, Wish,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::memory::MemoryJournal;
use crate::clock::manual::ManualClock;
use crate::ledger::journaled::{JournaledConfig, JournaledLedger};
use crate::ledger::redis::testing::RedisSite;
use crate::ledger::{
    Caller, FIRST_LEASE, Held, LOOKED_AT, LeaseRef, Ledger, Op, OpError, Put, PutError, Reply,
    Stored, Unavailable,
};
use crate::memory::Memory;
use crate::store::postgres::testing::TestDatabase;
use crate::store::postgres::{Me, PostgresHistory, PostgresJournal, elect};

/// Where the ledger's data are.
pub(super) enum Store {
    Memory(Vec<MemoryJournal>),
    Disk(TempDir),
    Postgres(Box<TestDatabase>),
    Redis(Box<RedisSite>),
}

pub(super) struct World {
    pub(super) clock: ManualClock,
    pub(super) ledger: Arc<dyn Ledger>,
    /// The same, if it is a journaled one.
    journaled: Option<Arc<JournaledLedger>>,
    pub(super) store: Store,
    config: JournaledConfig,
    requests: u128,
}

impl World {
    pub(super) async fn in_memory(shards: u32) -> Self {
        let journals = (0..shards).map(|_| MemoryJournal::default()).collect();
        Self::new(Store::Memory(journals), shards, 64).await
    }

    pub(super) async fn on_disk(shards: u32) -> Self {
        Self::new(Store::Disk(tempfile::tempdir().unwrap()), shards, 64).await
    }

    pub(super) async fn on_postgres() -> Self {
        let database = TestDatabase::new().await;
        database.database.migrate().await.unwrap();
        Self::new(Store::Postgres(Box::new(database)), 1, 64).await
    }

    pub(super) async fn new(store: Store, shards: u32, queue: usize) -> Self {
        let config =
            JournaledConfig { shards, queue, history_hours: 1, ..JournaledConfig::new("unused") };
        let clock = ManualClock::new();
        let (ledger, journaled) = start(&store, &config, &clock).await;
        Self { clock, ledger, journaled, store, config, requests: 1_000 }
    }

    /// A journaled one with so little memory.
    pub(super) async fn small(store: Store, memory: Memory) -> Self {
        let mut world = Self::new(store, 1, 64).await;
        world.ledger.stop().await;
        world.config.memory = memory;
        world.start_again().await;
        world
    }

    pub(super) async fn on_redis() -> Self {
        Self::new(Store::Redis(Box::new(RedisSite::single().await)), 1, 64).await
    }

    pub(super) async fn on_redis_cluster() -> Self {
        Self::new(Store::Redis(Box::new(RedisSite::cluster().await)), 1, 64).await
    }

    pub(super) const fn is_journaled(&self) -> bool {
        self.journaled.is_some()
    }

    /// Stops in good order and starts again.
    pub(super) async fn restart(&mut self) {
        self.ledger.stop().await;
        self.start_again().await;
    }

    async fn start_again(&mut self) {
        (self.ledger, self.journaled) = start(&self.store, &self.config, &self.clock).await;
    }

    /// Goes on with what was on disk at this moment: no goodbye, the WAL as it is.
    pub(super) async fn crash(&mut self) {
        if let Store::Disk(old) = &self.store {
            let copy = tempfile::tempdir().unwrap();
            for file in fs::read_dir(old.path()).unwrap() {
                let file = file.unwrap();
                let name = file.file_name().to_string_lossy().into_owned();
                // The copy stands for the folder itself: no witness says that it is one, and it
                // knows of none.
                if !name.ends_with("-shm") && !name.ends_with(".witness") {
                    fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
                }
            }
            self.ledger.stop().await;
            crate::store::sqlite::never_witnessed(copy.path()).await;
            crate::verify::verify(copy.path()).await.unwrap();
            self.store = Store::Disk(copy);
        }
        if let Some(journaled) = &self.journaled {
            journaled.kill().await;
        }
        self.start_again().await;
    }

    /// Lets whole windows pass. A book in Redis passes over several at once as over one.
    pub(super) async fn windows_pass(&mut self, windows: u64) {
        let at_once = if self.is_journaled() { 1 } else { windows.div_ceil(30) };
        for first in (0..windows).step_by(usize::try_from(at_once).unwrap()) {
            self.clock.advance(60_000 * at_once.min(windows - first));
            self.ledger.deployments().await.unwrap();
        }
    }

    pub(super) async fn now(&self) -> Now {
        self.ledger.health().await.unwrap()
    }

    pub(super) async fn put(&self, id: &str, policy: Policy) -> Result<Stored, PutError> {
        let (id, details) = (Arc::from(id), Arc::from("{}"));
        self.ledger.put(Put { id, policy, details, expected: None }).await
    }

    pub(super) async fn one(&self, caller: Caller, op: Op) -> Result<Reply, OpError> {
        let mut results = self.ledger.run(caller, vec![op]).await;
        assert_eq!(results.len(), 1);
        results.remove(0)
    }

    /// Acquires exactly this, under a new request.
    pub(super) async fn take(&mut self, id: &str, tokens: u64) -> Result<Lease, OpError> {
        self.requests += 1;
        self.take_as(&gw(1), id, tokens, self.requests).await
    }

    pub(super) async fn take_as(
        &self,
        caller: &Caller,
        id: &str,
        tokens: u64,
        request: u128,
    ) -> Result<Lease, OpError> {
        match self.one(caller.clone(), acquire(id, tokens, request)).await? {
            Reply::Granted { lease, granted, standing } => Ok(Lease { lease, granted, standing }),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn give_back(
        &self,
        lease: LeaseRef,
        tokens: u64,
    ) -> Result<Returned, OpError> {
        let total = Amount::new(tokens, 0);
        match self.one(gw(1), lease.give_back(total, false)).await? {
            Reply::Returned(returned) => Ok(returned),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn report(
        &self,
        lease: LeaseRef,
        used: u64,
        overrun: u64,
    ) -> Result<Used, OpError> {
        let (used, overrun) = (Amount::new(used, 1), Amount::new(overrun, 0));
        match self.one(gw(1), lease.report(used, overrun)).await? {
            Reply::Used(used) => Ok(used),
            other => panic!("{other:?}"),
        }
    }

    /// All leases that are held, part by part.
    pub(super) async fn held(&self, id: &str) -> Option<Vec<Held>> {
        let (mut held, mut first) = (Vec::new(), Some(FIRST_LEASE));
        while let Some(from) = first {
            let page = self.ledger.leases(id.into(), from).await.unwrap()?;
            assert!(page.leases.len() <= LOOKED_AT);
            held.extend(page.leases);
            first = page.next;
        }
        Some(held)
    }

    /// All windows that are known, newest first; each adds up.
    pub(super) async fn pages(&self, id: &str) -> Vec<BookPage> {
        let pages = self.ledger.windows(id.into(), 60).await.unwrap().unwrap();
        for page in &pages {
            let parts = [page.used, page.held, page.burnt];
            let sum = parts.into_iter().fold(page.given_back, Amount::saturating_add);
            assert_eq!(page.granted, sum, "{page:?}");
        }
        assert!(pages.is_sorted_by(|newer, older| newer.window > older.window));
        pages
    }

    pub(super) fn memory(&self) -> &[MemoryJournal] {
        match &self.store {
            Store::Memory(journals) => journals,
            Store::Disk(_) | Store::Postgres(_) | Store::Redis(_) => panic!("not in memory"),
        }
    }
}

/// A lease that was granted.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) lease: LeaseRef,
    pub(super) granted: Granted,
    pub(super) standing: Standing,
}

type Started = (Arc<dyn Ledger>, Option<Arc<JournaledLedger>>);

async fn start(store: &Store, config: &JournaledConfig, clock: &ManualClock) -> Started {
    if let Store::Redis(site) = store {
        return (Arc::new(site.server(clock).await), None);
    }
    let ledger = Arc::new(start_journaled(store, config, clock).await);
    (ledger.clone(), Some(ledger))
}

async fn start_journaled(
    store: &Store,
    config: &JournaledConfig,
    clock: &ManualClock,
) -> JournaledLedger {
    let (clock, tracker) = (Arc::new(clock.clone()), TaskTracker::new());
    let stop = CancellationToken::new();
    match store {
        Store::Memory(journals) => {
            JournaledLedger::on(journals.clone(), config, clock, &tracker, stop).await.unwrap()
        }
        Store::Disk(folder) => {
            let config = JournaledConfig { data_dir: folder.path().to_owned(), ..config.clone() };
            JournaledLedger::open(&config, clock, &tracker, stop).await.unwrap()
        }
        Store::Postgres(database) => {
            let journals = vec![elected(database).await];
            JournaledLedger::on(journals, config, clock, &tracker, stop).await.unwrap()
        }
        Store::Redis(_) => panic!("it keeps no journal"),
    }
}

/// The journal for a server that takes over from whoever writes.
async fn elected(on: &TestDatabase) -> PostgresJournal {
    let mut connection = on.database.connect().await.unwrap();
    let me = Me {
        server: rand::random::<u64>().to_string().into(),
        advertise_url: "http://127.0.0.1:1".into(),
    };
    let term = elect(&mut connection, &me, Duration::ZERO).await.unwrap().unwrap();
    let history = Arc::new(PostgresHistory::new(&on.database).unwrap());
    PostgresJournal::elected(on.database.clone(), me, term, connection, history)
}

pub(super) fn acquire(id: &str, tokens: u64, request: u128) -> Op {
    let amount = Amount::new(tokens, 1);
    let wish = Wish { request: RequestKey(request), min: amount, want: amount, ahead: false };
    Op::Acquire { deployment: id.into(), wish }
}

/// A gateway, with its own credential.
pub(super) fn gw(number: u32) -> Caller {
    Caller {
        credential: format!("token-{number}").into(),
        holder: format!("gw-{number}/5f3a9c").into(),
    }
}

pub(super) fn minute(tokens: u64) -> Policy {
    Policy {
        limit: Limit::new(Some(tokens), Some(1_000)),
        kind: WindowKind::Minute,
        life_ms: 2_000,
        guard_ms: 200,
        settlement: Settlement::Refund,
        periods: PeriodLimits::default(),
    }
}

pub(super) fn rolling(tokens: u64) -> Policy {
    Policy { kind: WindowKind::Rolling, life_ms: 1_000, ..minute(tokens) }
}

pub(super) fn is_denied<T: std::fmt::Debug>(result: &Result<T, OpError>) -> bool {
    matches!(
        result,
        Err(OpError::Refused { refusal: quota_core::Refusal::Denied(_), standing: Some(_) })
    )
}

pub(super) fn cannot_write<T: std::fmt::Debug>(result: &Result<T, OpError>) -> bool {
    matches!(result, Err(OpError::Unavailable(Unavailable::CannotWrite)))
}
