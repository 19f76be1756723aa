use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quota_core::{
    Amount, Denial, Limit, PeriodLimits, Policy, Refusal, RequestKey, Settlement, State,
    WindowKind, Wish,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, SystemClock};
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::testing::until;
use crate::ledger::redis::{RedisAddress, RedisConfig, RedisLedger, RedisTrouble};
use crate::ledger::{Caller, LeaseRef, Ledger, Op, OpError, Put, Reply, Stored};
use crate::store::catalogue::Catalogue;

/// Any number of servers on one Redis and one catalogue.
pub(super) struct World {
    catalogue: Arc<Catalogue>,
    config: RedisConfig,
    starts: AtomicU32,
    /// Whether servers look by themselves which Redis is in use.
    keep_looking: bool,
    _folder: TempDir,
}

/// One of them.
pub(super) struct Server(pub(super) RedisLedger);

pub(super) type Outcome = Result<Reply, OpError>;

impl World {
    pub(super) async fn new(address: RedisAddress) -> Self {
        let folder = TempDir::new().unwrap();
        let catalogue = Catalogue::in_folder(folder.path(), "test").await.unwrap();
        let world = Self::with(Arc::new(catalogue), folder, address, "test").await;
        Self { keep_looking: true, ..world }
    }

    /// On this catalogue, with servers that do nothing by themselves; `start` is what no other
    /// start of a server is called.
    pub(super) async fn with(
        catalogue: Arc<Catalogue>,
        folder: TempDir,
        address: RedisAddress,
        start: &str,
    ) -> Self {
        in_one_minute().await;
        let config = RedisConfig::new(address, folder.path(), start.to_owned());
        let starts = AtomicU32::new(0);
        Self { catalogue, config, starts, keep_looking: false, _folder: folder }
    }

    /// Servers whose catalogue comes from a backup that was made before there was any deployment.
    pub(super) async fn restored(address: RedisAddress) -> Self {
        let mut world = Self::new(address).await;
        let folder = TempDir::new().unwrap();
        drop(Catalogue::in_folder(folder.path(), "test").await.unwrap());
        let catalogue = Catalogue::in_folder(folder.path(), "another start").await.unwrap();
        (world.catalogue, world._folder) = (Arc::new(catalogue), folder);
        world
    }

    /// The catalogue as it is now, as a backup has it.
    pub(super) fn backup(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        for file in std::fs::read_dir(self._folder.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        copy
    }

    /// Servers on that, and on the same Redis.
    pub(super) async fn on_backup(mut self, copy: TempDir) -> Self {
        let catalogue = Catalogue::in_folder(copy.path(), "another start").await.unwrap();
        (self.catalogue, self._folder) = (Arc::new(catalogue), copy);
        self
    }

    /// The same, with Redis elsewhere.
    pub(super) fn moved(mut self, address: RedisAddress) -> Self {
        self.config.address = address;
        self
    }

    pub(super) async fn server(&self) -> Server {
        self.try_server().await.unwrap()
    }

    pub(super) async fn try_server(&self) -> Result<Server, RedisTrouble> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let clock = Arc::new(SystemClock::new());
        let (catalogue, library) = (self.catalogue.clone(), Library::new());
        let start = self.starts.fetch_add(1, Ordering::Relaxed);
        let site = format!("{} {start}", self.config.site);
        let config = RedisConfig { site, ..self.config.clone() };
        let opened = RedisLedger::open_on(catalogue, &config, library, clock, &tasks, stop).await;
        let opened = opened.unwrap();
        if let Err(trouble) = opened.inner.settle().await {
            opened.inner.stop.cancel();
            return Err(trouble);
        }
        if self.keep_looking {
            opened.inner.keep_looking(&tasks);
        }
        Ok(Server(opened))
    }
}

/// Windows are real minutes here: a test in which one ends would miss its grants in the next.
async fn in_one_minute() {
    let clock = SystemClock::new();
    let has_room = || {
        let wall_ms = clock.reading().wall_ms;
        async move { wall_ms % 60_000 < 45_000 }
    };
    until("a minute has room", has_room).await;
}

impl Server {
    pub(super) async fn put(&self, id: &str, tokens: u64) -> Stored {
        self.0.put(put(id, tokens, WindowKind::Minute)).await.unwrap()
    }

    pub(super) async fn run(&self, op: Op) -> Outcome {
        self.0.run(caller(), vec![op]).await.remove(0)
    }

    pub(super) async fn acquire(&self, id: &str, request: u128, tokens: u64) -> Outcome {
        self.run(acquire(id, request, tokens)).await
    }

    pub(super) async fn granted(&self, id: &str, request: u128, tokens: u64) -> LeaseRef {
        granted(self.acquire(id, request, tokens).await)
    }

    pub(super) async fn give_back(&self, lease: LeaseRef, tokens: u64) -> Amount {
        let total = Amount::new(tokens, 0);
        match self.run(lease.give_back(total, false)).await.unwrap() {
            Reply::Returned(returned) => returned.credited,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn works(&self) -> bool {
        self.0.health().await.is_ok()
    }
}

pub(super) fn caller() -> Caller {
    Caller { credential: "gw".into(), holder: "h".into() }
}

pub(super) fn put(id: &str, tokens: u64, kind: WindowKind) -> Put {
    Put {
        id: id.into(),
        policy: Policy {
            limit: Limit::new(Some(tokens), None),
            kind,
            life_ms: 2_000,
            guard_ms: 200,
            settlement: Settlement::Refund,
            periods: PeriodLimits::default(),
        },
        details: "{}".into(),
        expected: None,
    }
}

/// A wish for exactly so many tokens.
pub(super) fn acquire(id: &str, request: u128, tokens: u64) -> Op {
    let amount = Amount::new(tokens, 1);
    let wish = Wish { request: RequestKey(request), min: amount, want: amount, ahead: false };
    Op::Acquire { deployment: id.into(), wish }
}

pub(super) fn granted(outcome: Outcome) -> LeaseRef {
    match outcome {
        Ok(Reply::Granted { lease, .. }) => lease,
        other => panic!("not granted: {other:?}"),
    }
}

pub(super) fn denial(outcome: Outcome) -> Denial {
    match outcome {
        Err(OpError::Refused { refusal: Refusal::Denied(denial), .. }) => denial,
        other => panic!("not denied: {other:?}"),
    }
}

pub(super) fn is_quarantined(outcome: Outcome) -> bool {
    denial(outcome).state == State::Quarantined
}
