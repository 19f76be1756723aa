//! Calls: one operation each, as the command that runs it.

use quota_core::{Amount, LeaseId, Policy, RequestKey, Settlement, WindowKind};
use redis::Cmd;
use sha2::{Digest, Sha256};

use super::Hints;
use crate::ledger::Caller;
use crate::ledger::redis::functions::Library;

/// How the library writes that there is no limit: one more than the largest.
pub(super) const NO_LIMIT: u64 = quota_core::MAX_LIMIT + 1;

/// Which book, and what its server knows of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// The deployment's number.
    pub(crate) book: u32,
    /// The deployment's version in the catalogue; a book with an older policy answers `Outdated`.
    pub(crate) version: u64,
    /// What was seen of the book.
    pub(crate) hints: Hints,
    /// The server has checked that this Redis loses no write over a restart, so a process that is new
    /// with a book that is behind nothing seen is no reason for a quarantine.
    pub(crate) vouched: bool,
}

/// A caller or a credential, by a hash that nobody can aim at: names are given by clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 16]);

/// A wish for a lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// Who asks.
    pub(crate) caller: &'a Caller,
    /// Which of its wishes this is.
    pub(crate) request: RequestKey,
    /// This or nothing.
    pub(crate) min: Amount,
    /// At most.
    pub(crate) want: Amount,
    /// Of the next window.
    pub(crate) ahead: bool,
}

/// A lease, in the name of a credential.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    /// The credential that was shown.
    pub(crate) credential: &'a str,
    /// The lease.
    pub(crate) lease: LeaseId,
}

/// Where a listing of leases goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(super) window: u64,
    pub(super) number: u64,
}

impl Key {
    /// The key of a gateway process.
    pub(crate) fn of_holder(caller: &Caller) -> Self {
        // A credential's name has no line breaks, so no two pairs meet.
        Self::of(&[&caller.credential, "\n", &caller.holder])
    }

    /// The key of a credential.
    pub(crate) fn of_credential(credential: &str) -> Self {
        Self::of(&[credential])
    }

    fn of(parts: &[&str]) -> Self {
        let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part));
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Self(key)
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

    /// Asks for a lease. Answers `Granted` or `Refused`.
    pub(crate) fn acquire(&self, library: &Library, ask: &Ask<'_>) -> Cmd {
        let mut command = self.command(library, "acquire");
        command.arg(&Key::of_holder(ask.caller).0[..]);
        command.arg(&Key::of_credential(&ask.caller.credential).0[..]);
        command.arg(&*ask.caller.holder).arg(&ask.request.0.to_be_bytes()[..]);
        add_amount(&mut command, ask.min);
        add_amount(&mut command, ask.want);
        command.arg(u8::from(ask.ahead));
        command
    }

    /// Gives back. Answers `Returned`, `Refused` or `NotYourLease`.
    pub(crate) fn give_back(
        &self,
        library: &Library,
        of: Named<'_>,
        total: Amount,
        closed: bool,
    ) -> Cmd {
        let mut command = self.on_lease(library, "give_back", of);
        add_amount(&mut command, total);
        command.arg(u8::from(closed));
        command
    }

    /// Reports usage. Answers `Used`, `Refused` or `NotYourLease`. What is late comes out of `harvest`
    /// again with its window's page.
    pub(crate) fn used(
        &self,
        library: &Library,
        of: Named<'_>,
        used: Amount,
        overrun: Amount,
    ) -> Cmd {
        let mut command = self.on_lease(library, "use", of);
        add_amount(&mut command, used);
        add_amount(&mut command, overrun);
        command
    }

    /// Adds to what was denied. Answers `Noted`.
    pub(crate) fn denied(&self, library: &Library, amount: Amount) -> Cmd {
        let mut command = self.command(library, "denied");
        add_amount(&mut command, amount);
        command
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

    /// Closes what is over and fetches pages for the history, at most so many. Answers `Harvest`; the
    /// same again until they are acknowledged.
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
        command.arg(u8::from(self.vouched)).arg(self.version);
        command
    }

    fn on_lease(&self, library: &Library, operation: &str, of: Named<'_>) -> Cmd {
        let mut command = self.command(library, operation);
        command.arg(&Key::of_credential(of.credential).0[..]);
        command.arg(of.lease.window).arg(of.lease.number);
        command
    }
}

/// The key of a book. Its braces put all keys of a deployment into one slot of a cluster.
pub(super) fn key(book: u32) -> String {
    format!("tl:{{{book}}}:book")
}

fn add_amount(command: &mut Cmd, amount: Amount) {
    command.arg(amount.tokens).arg(amount.requests);
}

fn add_policy(command: &mut Cmd, policy: &Policy) {
    let kind = match policy.kind {
        WindowKind::Minute => 0,
        WindowKind::Rolling => 1,
    };
    command.arg(policy.limit.tokens.unwrap_or(NO_LIMIT));
    command.arg(policy.limit.requests.unwrap_or(NO_LIMIT));
    command.arg(kind).arg(policy.life_ms).arg(policy.guard_ms);
    command.arg(u8::from(policy.settlement == Settlement::Refund));
}
