//! What comes from outside while the server serves: tokens that are shown, and files that are read
//! again.

use metrics::{counter, gauge};

use super::{
    AUDIT_FAILURES, CERTIFICATE_END, DECLARED, FAILED_LOGINS, RELOAD_FAILURES, RELOADS, counter_of,
    gauge_of, gauged,
};
use crate::declared::Counts;

/// A file that is read again while the server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The declared deployments.
    Deployments,
    /// The tokens.
    Tokens,
    /// The server's certificate, its key, and the authority of its clients.
    Certificate,
}

impl Reloaded {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deployments, Self::Tokens, Self::Certificate];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployments => "deployments",
            Self::Tokens => "tokens",
            Self::Certificate => "certificate",
        }
    }
}

/// The server's certificate ends then, s since 1970.
pub fn certificate_ends(at_s: i64) {
    gauge_of(CERTIFICATE_END).set(gauged(at_s.max(0).unsigned_abs()));
}

/// A caller showed a wrong token.
pub fn login_failed() {
    counter_of(FAILED_LOGINS).increment(1);
}

/// A line could not be written to the audit log.
pub fn audit_failed() {
    counter_of(AUDIT_FAILURES).increment(1);
}

/// A file was read again: whether what it has now holds.
pub fn reloaded(file: Reloaded, holds: bool) {
    let name = if holds { RELOADS } else { RELOAD_FAILURES };
    counter!(name, "file" => file.as_str()).increment(1);
}

/// How the deployments stand to the file that this server applies.
pub(crate) fn declared(counts: &Counts) {
    let Counts { as_declared, drifted, left, missing } = *counts;
    for (state, count) in
        [("as_declared", as_declared), ("drifted", drifted), ("left", left), ("missing", missing)]
    {
        gauge!(DECLARED, "state" => state).set(gauged(count as u64));
    }
}
