//! Who keeps the book: the seam between the API and the storage ladder.
//!
//! A [`Ledger`] runs operations and answers when they are durable. What is granted is decided in
//! `quota-core`, or answered as it would; what is stored of a deployment besides its policy is
//! opaque here.
//!
//! To add a ledger: 1. implement [`Ledger`] in a folder beside `journaled`; 2. name it in
//! `config.rs`; 3. build it in `app.rs`. The contract suite then runs on it too.

pub mod awaited;
pub mod checks;
pub mod journaled;
pub mod postgres;
pub mod redis;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use quota_core::{
    Amount, BookPage, Granted, HeldLease, LateUse, LeaseId, Now, Overview, Policy, Refusal, Report,
    Return, Returned, Standing, Used, Wish,
};

/// How many leases, or deployments, are looked at in one go: grants wait no longer, however many
/// there are to be shown.
pub const LOOKED_AT: usize = 1_000;

/// Where a listing of leases begins.
pub const FIRST_LEASE: LeaseId = LeaseId { window: 0, number: 0 };

/// Keeps the books of all deployments.
pub trait Ledger: Send + Sync + 'static {
    /// Runs the operations of one caller, in their order, and answers each when all are durable.
    fn run(&self, caller: Caller, ops: Vec<Op>) -> BoxFuture<'_, Vec<Result<Reply, OpError>>>;

    /// Makes or changes a deployment. A put that changes nothing leaves the version too.
    fn put(&self, put: Put) -> BoxFuture<'_, Result<Stored, PutError>>;

    /// Removes a deployment; what its window holds stays charged until the window is over, also if
    /// it is made again. `None`: there was none.
    fn delete(
        &self,
        id: Arc<str>,
        expected: Option<Expected>,
    ) -> BoxFuture<'_, Result<Option<()>, PutError>>;

    /// One deployment.
    fn deployment(&self, id: Arc<str>) -> BoxFuture<'_, Result<Option<Stored>, Unavailable>>;

    /// The deployments among the next [`LOOKED_AT`] numbers from `first` on: more in one go would
    /// keep others waiting.
    fn some_deployments(&self, first: u32) -> BoxFuture<'_, Result<DeploymentPage, Unavailable>>;

    /// All deployments, by id, page by page, with others' turns between.
    fn deployments(&self) -> BoxFuture<'_, Result<Vec<Stored>, Unavailable>> {
        Box::pin(async move {
            let (mut all, mut first) = (BTreeMap::new(), Some(0));
            while let Some(from) = first {
                let page = self.some_deployments(from).await?;
                let by_id = |(_, stored): (u32, Stored)| (Arc::clone(&stored.id), stored);
                all.extend(page.deployments.into_iter().map(by_id));
                first = page.next;
                tokio::task::yield_now().await;
            }
            Ok(all.into_values().collect())
        })
    }

    /// The books of a deployment's last windows, newest first, at most `last` minutes old. `None`:
    /// no such deployment.
    fn windows(
        &self,
        id: Arc<str>,
        last: u64,
    ) -> BoxFuture<'_, Result<Option<Vec<BookPage>>, Unavailable>>;

    /// Who holds what of a deployment now, among the next [`LOOKED_AT`] of its leases from `first`
    /// on. `None`: no such deployment.
    fn leases(
        &self,
        id: Arc<str>,
        first: LeaseId,
    ) -> BoxFuture<'_, Result<Option<LeasePage>, Unavailable>>;

    /// Every deployment at a glance, by id.
    fn overview(&self) -> BoxFuture<'_, Result<Vec<(Stored, Overview)>, Unavailable>>;

    /// Whether the ledger can write just now.
    fn health(&self) -> BoxFuture<'_, Result<Now, Unavailable>>;

    /// Whether this server writes the books, or another does.
    fn role(&self) -> Role {
        Role::Active
    }

    /// What of the store's settings an operator should know: under them answered writes can be
    /// lost.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Why it cannot write just now, in words for who runs the server; `None` where nothing more is
    /// known than [`Ledger::health`] says.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Calls that it has begun or that wait for it, roughly: for the metrics.
    fn queued(&self) -> usize {
        0
    }

    /// Ends when the ledger has died of a fault and will not come back by itself: the process has
    /// to be started again, which reads the books from the store.
    fn died(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Takes no more operations, finishes those it has, and closes its store.
    fn stop(&self) -> BoxFuture<'_, ()>;
}

/// What a server is among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It writes the books.
    Active,
    /// Another one does, which it may follow.
    Standby,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The credential that was shown.
    pub credential: Arc<str>,
    /// The gateway process; empty where a call names none.
    pub holder: Arc<str>,
}

/// One operation.
#[derive(Debug, Clone)]
pub enum Op {
    /// A lease is wanted.
    Acquire {
        /// Of which deployment.
        deployment: Arc<str>,
        /// What for.
        wish: Wish,
    },
    /// A lease is given back.
    GiveBack {
        /// The number of its deployment.
        deployment: u32,
        /// How much of it.
        give_back: Return,
    },
    /// Usage of a lease is reported.
    Use {
        /// The number of its deployment.
        deployment: u32,
        /// How much.
        report: Report,
    },
    /// Draws that a holder denied by itself.
    Denied {
        /// Of which deployment.
        deployment: Arc<str>,
        /// How much.
        amount: Amount,
    },
}

/// What came of an operation.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A lease.
    Granted {
        /// Its name.
        lease: LeaseRef,
        /// What it is.
        granted: Granted,
        /// How its window stands with it.
        standing: Standing,
    },
    /// A return, entered.
    Returned(Returned),
    /// A report, entered.
    Used(Used),
    /// Nothing to say.
    Noted,
}

/// Why an operation did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpError {
    /// No such deployment.
    #[error("there is no such deployment")]
    NoSuchDeployment,
    /// The book says no.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// How the window stands, with a denial.
        standing: Option<Standing>,
    },
    /// The lease was acquired with another credential.
    #[error("the lease belongs to another credential")]
    NotYourLease,
    /// As many leases are kept as memory has room for, in all or for this credential. Nothing
    /// happened.
    #[error("the server keeps as many leases as it has memory for")]
    NoRoom {
        /// When windows are dropped, and leases with them, ms from now.
        retry_after_ms: u64,
    },
    /// The ledger is away.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why the ledger does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// It cannot write. What was asked for may have happened all the same.
    #[error("the ledger cannot write")]
    CannotWrite,
    /// Its queue is full. Nothing happened.
    #[error("the ledger has too much to do")]
    Overloaded,
    /// It is stopping. Nothing happened.
    #[error("the ledger is stopping")]
    Stopping,
    /// Another server writes: the one at this URL. Nothing happened.
    #[error("this server is a standby: the active one is {0}")]
    Standby(Arc<str>),
}

/// A wish to make or change a deployment.
#[derive(Debug, Clone)]
pub struct Put {
    /// Its id.
    pub id: Arc<str>,
    /// What the book needs to know.
    pub policy: Policy,
    /// The rest, as the API wrote it: opaque.
    pub details: Arc<str>,
    /// What its version must be, if that matters.
    pub expected: Option<Expected>,
}

/// What the stored version must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Any, but there must be one (`If-Match: *`).
    Some,
    /// There must be none (`If-None-Match: *`).
    None,
    /// This one.
    Version(u64),
}

/// A deployment, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: Arc<str>,
    /// What the book needs to know.
    pub policy: Policy,
    /// The rest, as the API wrote it.
    pub details: Arc<str>,
    /// Counts its changes.
    pub version: u64,
    /// Made by this put.
    pub created: bool,
}

/// Why a deployment was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// It is not what the caller expected.
    #[error("the deployment has changed since")]
    Unexpected,
    /// Its kind of window cannot change while its window holds grants.
    #[error("the kind of window is fixed once the deployment is made")]
    KindIsFixed,
    /// The ledger is away.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Some deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentPage {
    /// With their numbers, in the order in which they were made. There may be few of many numbers
    /// that were looked at.
    pub deployments: Vec<(u32, Stored)>,
    /// The number that the next page begins with; `None` after the last.
    pub next: Option<u32>,
}

/// A part of the leases that are in someone's hands.
#[derive(Debug, Clone)]
pub struct LeasePage {
    /// Oldest first. There may be few of many that were looked at.
    pub leases: Vec<Held>,
    /// Where the next part begins; `None` after the last.
    pub next: Option<LeaseId>,
}

/// A lease in someone's hands.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its name.
    pub name: LeaseRef,
    /// The holder's name.
    pub holder: Arc<str>,
    /// What it is.
    pub lease: HeldLease,
}

/// Usage that must be added to the history of a closed window.
#[derive(Debug, Clone, Copy)]
pub struct LateEntry {
    /// The deployment.
    pub deployment: u32,
    /// What to add where.
    pub late: LateUse,
}

/// A lease, by the number of its deployment and its id in that deployment's book. On the wire
/// `deployment-window-number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseRef {
    /// The deployment's number.
    pub deployment: u32,
    /// The lease in its book.
    pub lease: LeaseId,
}

impl LeaseRef {
    /// A return of it: running totals, and whether no more is drawn from it.
    #[must_use]
    pub const fn give_back(self, total: Amount, closed: bool) -> Op {
        let give_back = Return { lease: self.lease, total, closed };
        Op::GiveBack { deployment: self.deployment, give_back }
    }

    /// A report of its usage: running totals.
    #[must_use]
    pub const fn report(self, used: Amount, overrun: Amount) -> Op {
        let report = Report { lease: self.lease, used, overrun };
        Op::Use { deployment: self.deployment, report }
    }
}

impl fmt::Display for LeaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.deployment, self.lease)
    }
}

impl FromStr for LeaseRef {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (deployment, lease) = text.split_once('-').ok_or(())?;
        let parsed =
            Self { deployment: deployment.parse().map_err(|_| ())?, lease: lease.parse()? };
        if parsed.to_string() == text { Ok(parsed) } else { Err(()) }
    }
}
