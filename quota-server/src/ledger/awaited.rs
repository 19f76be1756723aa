//! A ledger whose store was away when the server started. The server listens meanwhile, is not
//! ready and says why, and the store is tried again and again: whoever starts a server before its
//! database, or with a password that is set right a moment later, starts it once.

use std::fmt::Display;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::{BookPage, LeaseId, Now, Overview};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::{
    Caller, DeploymentPage, Expected, LeasePage, Ledger, Op, OpError, Put, PutError, Reply, Role,
    Stored, Unavailable,
};

/// Between two tries: at first, and at most.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// Opens a ledger, as often as it is asked to. A try that fails leaves nothing running.
pub trait Opener: Send + Sync + 'static {
    /// Why it does not open.
    type Error: Display + Send;

    /// One try.
    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Ledger>, Self::Error>>;

    /// Whether another try may go better, with nothing changed on this machine.
    fn may_pass(error: &Self::Error) -> bool;
}

/// Opens a ledger, or tries on beside the server's work where its store is away.
///
/// # Errors
/// It does not open, and waiting cannot help.
pub async fn open<O: Opener>(opener: O, tasks: &TaskTracker) -> Result<Arc<dyn Ledger>, O::Error> {
    let error = match opener.open().await {
        Ok(ledger) => return Ok(ledger),
        Err(error) if O::may_pass(&error) => error,
        Err(error) => return Err(error),
    };
    let awaited = Arc::new(AwaitedLedger::default());
    awaited.tell(error.to_string());
    let (trying, stop) = (awaited.clone(), awaited.stop.clone());
    tasks.spawn(async move { stop.run_until_cancelled(trying.open_with(&opener)).await });
    Ok(awaited)
}

/// See the module.
#[derive(Default)]
struct AwaitedLedger {
    opened: OnceLock<Arc<dyn Ledger>>,
    /// What the last try came to.
    trouble: Mutex<String>,
    stop: CancellationToken,
}

impl AwaitedLedger {
    async fn open_with<O: Opener>(&self, opener: &O) {
        let mut pause = SHORTEST;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
            match opener.open().await {
                Ok(ledger) => {
                    info!("the ledger is open");
                    let _first = self.opened.set(ledger);
                    return;
                }
                // Also what no wait cures, as a newer server's tables: who puts that right need not
                // start this server again.
                Err(error) => self.tell(error.to_string()),
            }
        }
    }

    /// Each reason once, however often it is met in a row.
    fn tell(&self, why: String) {
        let mut told = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != why {
            warn!(error = why, "the ledger cannot be opened yet; trying on");
            *told = why;
        }
    }

    /// The ledger; until it is there, who asks is told to come again.
    fn ledger(&self) -> Result<&Arc<dyn Ledger>, Unavailable> {
        if self.stop.is_cancelled() {
            return Err(Unavailable::Stopping);
        }
        self.opened.get().ok_or(Unavailable::CannotWrite)
    }
}

impl Ledger for AwaitedLedger {
    fn run(&self, caller: Caller, ops: Vec<Op>) -> BoxFuture<'_, Vec<Result<Reply, OpError>>> {
        match self.ledger() {
            Ok(ledger) => ledger.run(caller, ops),
            Err(away) => {
                async move { ops.iter().map(|_| Err(away.clone().into())).collect() }.boxed()
            }
        }
    }

    fn put(&self, put: Put) -> BoxFuture<'_, Result<Stored, PutError>> {
        async move { self.ledger()?.put(put).await }.boxed()
    }

    fn delete(
        &self,
        id: Arc<str>,
        expected: Option<Expected>,
    ) -> BoxFuture<'_, Result<Option<()>, PutError>> {
        async move { self.ledger()?.delete(id, expected).await }.boxed()
    }

    fn deployment(&self, id: Arc<str>) -> BoxFuture<'_, Result<Option<Stored>, Unavailable>> {
        async move { self.ledger()?.deployment(id).await }.boxed()
    }

    fn some_deployments(&self, first: u32) -> BoxFuture<'_, Result<DeploymentPage, Unavailable>> {
        async move { self.ledger()?.some_deployments(first).await }.boxed()
    }

    fn windows(
        &self,
        id: Arc<str>,
        last: u64,
    ) -> BoxFuture<'_, Result<Option<Vec<BookPage>>, Unavailable>> {
        async move { self.ledger()?.windows(id, last).await }.boxed()
    }

    fn leases(
        &self,
        id: Arc<str>,
        first: LeaseId,
    ) -> BoxFuture<'_, Result<Option<LeasePage>, Unavailable>> {
        async move { self.ledger()?.leases(id, first).await }.boxed()
    }

    fn overview(&self) -> BoxFuture<'_, Result<Vec<(Stored, Overview)>, Unavailable>> {
        async move { self.ledger()?.overview().await }.boxed()
    }

    fn health(&self) -> BoxFuture<'_, Result<Now, Unavailable>> {
        async move { self.ledger()?.health().await }.boxed()
    }

    /// A standby until it is known: it applies no declared deployments.
    fn role(&self) -> Role {
        self.opened.get().map_or(Role::Standby, |ledger| ledger.role())
    }

    fn warnings(&self) -> Vec<String> {
        self.opened.get().map_or_else(Vec::new, |ledger| ledger.warnings())
    }

    fn trouble(&self) -> Option<String> {
        match self.opened.get() {
            Some(ledger) => ledger.trouble(),
            None => Some(self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }

    fn queued(&self) -> usize {
        self.opened.get().map_or(0, |ledger| ledger.queued())
    }

    /// That of one that is opened later is noticed at the latest after [`LONGEST`].
    fn died(&self) -> BoxFuture<'_, ()> {
        async move {
            loop {
                if let Some(ledger) = self.opened.get() {
                    return ledger.died().await;
                }
                sleep(LONGEST).await;
            }
        }
        .boxed()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async move {
            self.stop.cancel();
            if let Some(ledger) = self.opened.get() {
                ledger.stop().await;
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::testing::TestLedger;

    /// Fails for so many tries.
    struct Late {
        tries: AtomicU32,
        fails: u32,
        ledger: Arc<dyn Ledger>,
    }

    impl Late {
        fn new(test: &TestLedger, fails: u32) -> Self {
            Self { tries: AtomicU32::new(0), fails, ledger: Arc::clone(&test.ledger) }
        }
    }

    impl Opener for Late {
        type Error = &'static str;

        fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Ledger>, &'static str>> {
            let no = self.tries.fetch_add(1, Ordering::Relaxed);
            let result = if no < self.fails { Err("away") } else { Ok(self.ledger.clone()) };
            std::future::ready(result).boxed()
        }

        fn may_pass(error: &&'static str) -> bool {
            *error == "away"
        }
    }

    struct Never;

    impl Opener for Never {
        type Error = &'static str;

        fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Ledger>, &'static str>> {
            std::future::ready(Err("of a newer server")).boxed()
        }

        fn may_pass(_: &&'static str) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn what_is_away_at_the_start_is_there_later() {
        let (test, tasks) = (TestLedger::open().await, TaskTracker::new());
        tokio::time::pause();
        let ledger = open(Late::new(&test, 3), &tasks).await.unwrap();
        assert_eq!(ledger.health().await, Err(Unavailable::CannotWrite));
        assert_eq!(ledger.trouble().as_deref(), Some("away"));
        assert_eq!(ledger.role(), Role::Standby);
        // The tries' own pauses, of 100, 200 and 400 ms.
        tasks.close();
        tasks.wait().await;
        assert!(ledger.health().await.is_ok());
        assert_eq!((ledger.trouble(), ledger.role()), (None, Role::Active));
        ledger.stop().await;
        assert_eq!(ledger.health().await, Err(Unavailable::Stopping));
    }

    /// Away at first, then of a newer server for some tries.
    struct Newer(Late);

    impl Opener for Newer {
        type Error = &'static str;

        fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Ledger>, &'static str>> {
            let is_first = self.0.tries.load(Ordering::Relaxed) == 0;
            let open = self.0.open();
            async move { open.await.map_err(|away| if is_first { away } else { "newer" }) }.boxed()
        }

        fn may_pass(error: &&'static str) -> bool {
            *error == "away"
        }
    }

    #[tokio::test]
    async fn what_is_wrong_later_is_told_and_may_be_put_right() {
        let (test, tasks) = (TestLedger::open().await, TaskTracker::new());
        tokio::time::pause();
        let ledger = open(Newer(Late::new(&test, 3)), &tasks).await.unwrap();
        sleep(SHORTEST + SHORTEST / 2).await;
        assert_eq!(ledger.trouble().as_deref(), Some("newer"));
        tasks.close();
        tasks.wait().await;
        assert!(ledger.health().await.is_ok());
    }

    #[tokio::test]
    async fn one_that_is_stopped_tries_no_more() {
        let (test, tasks) = (TestLedger::open().await, TaskTracker::new());
        tokio::time::pause();
        let ledger = open(Late::new(&test, u32::MAX), &tasks).await.unwrap();
        ledger.stop().await;
        tasks.close();
        tasks.wait().await;
        assert_eq!(ledger.health().await, Err(Unavailable::Stopping));
    }

    #[tokio::test]
    async fn what_no_wait_cures_ends_the_start() {
        let opened = open(Never, &TaskTracker::new()).await;
        assert_eq!(opened.err(), Some("of a newer server"));
    }
}
