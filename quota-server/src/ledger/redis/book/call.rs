//! Calls: one operation each, as the command that runs it.

use quota_core::{Amount, LeaseId, Policy, Report, Return, Settlement, WindowKind, Wish};
use redis::Cmd;

use super::run::Run;
use super::{Hints, period};
use crate::ledger::Caller;
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::link::Trust;
use crate::store::catalogue::Instance;

/// How the library writes that there is no limit: one more than the largest.
pub(super) const NO_LIMIT: u64 = quota_core::MAX_LIMIT + 1;

/// The most operations of one call: Redis does nothing else meanwhile.
pub(crate) const MOST_OPERATIONS: usize = 512;

/// Which book, and what its server knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The deployment's number.
    pub(crate) book: u32,
    /// The deployment's version in the catalogue; a book with an older policy answers `Outdated`.
    pub(crate) version: u64,
    /// Which deployment it is, of all that ever had the number; a book of another one is `Missing`.
    pub(crate) instance: Instance,
    /// What was seen of the book.
    pub(crate) hints: Hints,
    /// What the server knows of this Redis. A new process is no reason for a quarantine where the
    /// server vouches for the one before, and the last writer of the book did.
    pub(crate) trust: Trust,
}

/// An operation on leases.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    /// Asks for a lease. Answers `Granted` or `Refused`.
    Acquire(Wish),
    /// Gives back. Answers `Returned`, `Refused` or `NotYourLease`.
    GiveBack(Return),
    /// Reports usage. Answers `Used`, `Refused` or `NotYourLease`. What is late comes out of
    /// `harvest` again with its window's page.
    Use(Report),
    /// Adds to what was denied. Answers `Noted`.
    Denied(Amount),
}

/// Where a listing of leases goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(super) window: u64,
    pub(super) number: u64,
}

impl From<LeaseId> for Cursor {
    fn from(first: LeaseId) -> Self {
        Self { window: first.window, number: first.number.into() }
    }
}

impl Cursor {
    /// The lease that it stands at.
    pub(crate) fn lease(self) -> Option<LeaseId> {
        let number = u32::try_from(self.number).ok()?;
        Some(LeaseId { window: self.window, number })
    }
}

impl Call {
    /// Opens the book if there is none: `clean` for a deployment that was made just now; else
    /// quarantined. Answers [`super::Answer::Opened`].
    pub(crate) fn open(&self, library: &Library, policy: &Policy, clean: bool) -> Cmd {
        let mut command = self.command(library, "open");
        command.arg(u8::from(clean));
        add_policy(&mut command, policy);
        command
    }

    /// Sets the policy if the call's version is later than the book's. Answers `Configured`, or
    /// `KindIsFixed` and changes nothing: a new kind is to be told the book before the catalogue.
    pub(crate) fn configure(&self, library: &Library, policy: &Policy) -> Cmd {
        let mut command = self.command(library, "configure");
        add_policy(&mut command, policy);
        command
    }

    /// Runs operations in their order, each in the name of its caller, at most [`MOST_OPERATIONS`]:
    /// all of them or none. Answers `Ran`, with an answer to each.
    pub(crate) fn run<'a>(
        &self,
        library: &Library,
        operations: impl IntoIterator<Item = (&'a Caller, Operation)>,
    ) -> Cmd {
        let mut run = Run::of(self.command(library, "run"));
        operations.into_iter().for_each(|(caller, operation)| run.add(caller, &operation));
        run.command()
    }

    /// How the deployment stands, and the ledger's time. Answers `Standing`.
    pub(crate) fn standing(&self, library: &Library) -> Cmd {
        self.command(library, "standing")
    }

    /// The pages of the windows that are in Redis: the open one, and at least the last ten. Answers
    /// `Pages`, oldest first.
    pub(crate) fn pages(&self, library: &Library) -> Cmd {
        self.command(library, "pages")
    }

    /// Who holds what, from `from` on (the default: all). Answers `Held`, with where to go on.
    pub(crate) fn leases(&self, library: &Library, from: Cursor) -> Cmd {
        let mut command = self.command(library, "leases");
        command.arg(from.window).arg(from.number);
        command
    }

    /// The deployment at a glance. Answers `Overview`.
    pub(crate) fn overview(&self, library: &Library) -> Cmd {
        self.command(library, "overview")
    }

    /// Closes what is over and fetches pages for the history, at most so many. Answers `Harvest`;
    /// the same again until they are acknowledged.
    pub(crate) fn harvest(&self, library: &Library, most: u32) -> Cmd {
        let mut command = self.command(library, "harvest");
        command.arg(most);
        command
    }

    /// Says that these are in the history, as (window, stamp). Answers `Noted`.
    pub(crate) fn acknowledge(&self, library: &Library, stored: &[(u64, u64)]) -> Cmd {
        let mut command = self.command(library, "acknowledge");
        for (window, stamp) in stored {
            command.arg(window).arg(stamp);
        }
        command
    }

    /// Removes the book. Answers `Forgotten`, or `Busy` while something is charged to it or due.
    pub(crate) fn forget(&self, library: &Library) -> Cmd {
        self.command(library, "forget")
    }

    /// What every call begins with; `header` in `functions/book.lua` takes it in.
    fn command(&self, library: &Library, operation: &str) -> Cmd {
        let mut command = redis::cmd("FCALL");
        command.arg(library.function(operation)).arg(1).arg(key(self.book));
        command.arg(self.hints.seq).arg(self.hints.window);
        command.arg(self.hints.not_before_ms).arg(self.hints.not_after_ms);
        command.arg(trust(&self.trust)).arg(self.version).arg(&self.instance.bytes());
        command.arg(self.trust.term);
        command
    }
}

/// Whether writes outlive the process, and which process before it is vouched for.
fn trust(trust: &Trust) -> String {
    format!("{}{}", u8::from(trust.keeps), trust.vouched.as_deref().unwrap_or_default())
}

/// The key of a book. Its braces put all keys of a deployment into one slot of a cluster.
pub(super) fn key(book: u32) -> String {
    format!("tl:{{{book}}}:book")
}

fn add_policy(command: &mut Cmd, policy: &Policy) {
    let kind = match policy.kind {
        WindowKind::Minute => 0,
        WindowKind::Rolling => 1,
    };
    command.arg(policy.limit.tokens().unwrap_or(NO_LIMIT));
    command.arg(policy.limit.requests().unwrap_or(NO_LIMIT));
    command.arg(kind).arg(policy.life_ms).arg(policy.guard_ms);
    command.arg(u8::from(policy.settlement == Settlement::Refund));
    policy.periods.as_slice().iter().for_each(|limit| period::add(command, limit));
}
