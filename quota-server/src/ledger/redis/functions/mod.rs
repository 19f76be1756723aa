//! The function library that keeps the books in Redis, in its parts.
//!
//! Redis loads it as one text: the parts in the order below, which is the order in which they may
//! use each other's locals. Its name bears a hash of its text, so servers of different builds can
//! share one Redis during an upgrade, each calling its own.
//!
//! To add an operation: `operations.<name>` in a part, its name in `register.lua`, its call in
//! `book/call.rs`, its reply in `book/reply.rs`, and a step in the tests that replay it on
//! `quota-core`.

use std::sync::Arc;

use quota_core::{
    ACTIVE_MS, AHEAD_MS, BEAT_MS, ENDGAME_PERCENT, MAX_LEASE, MAX_LIMIT, MAX_PERIODS, MINUTE_MS,
    PERIOD_SLICES, REFUND_MS, SHORTAGE_PERCENT, SHORTEST_LIFE_MS, SHORTEST_WINDOW_MS, SLEWED_MS,
};
use xxhash_rust::xxh3::xxh3_64;

const HEAD: &str = include_str!("head.lua");
const CLOCK: &str = include_str!("clock.lua");
const PARTS: &[&str] = &[
    include_str!("whole.lua"),
    include_str!("records.lua"),
    include_str!("calendar.lua"),
    include_str!("time.lua"),
    include_str!("vouch.lua"),
    include_str!("reply.lua"),
    include_str!("book.lua"),
    include_str!("buckets.lua"),
    include_str!("leases.lua"),
    include_str!("rolling.lua"),
    include_str!("period_slots.lua"),
    include_str!("periods.lua"),
    include_str!("period_limits.lua"),
    include_str!("quota.lua"),
    include_str!("holders.lua"),
    include_str!("hints.lua"),
    include_str!("history.lua"),
    include_str!("places.lua"),
    include_str!("acquire.lua"),
    include_str!("returns.lua"),
    include_str!("run.lua"),
    include_str!("deployment.lua"),
    include_str!("views.lua"),
    include_str!("overview.lua"),
];
/// What the head says between `@`: quota-core's own.
const CONSTANTS: &[(&str, u64)] = &[
    ("@MAX_LIMIT@", MAX_LIMIT),
    ("@MAX_LEASE_TOKENS@", MAX_LEASE.tokens()),
    ("@MAX_LEASE_REQUESTS@", MAX_LEASE.requests()),
    ("@MINUTE_MS@", MINUTE_MS),
    ("@AHEAD_MS@", AHEAD_MS),
    ("@SHORTEST_LIFE_MS@", SHORTEST_LIFE_MS),
    ("@SHORTEST_WINDOW_MS@", SHORTEST_WINDOW_MS),
    ("@SLEWED_MS@", SLEWED_MS),
    ("@MAX_PERIODS@", MAX_PERIODS as u64),
    ("@PERIOD_SLICES@", PERIOD_SLICES),
    ("@ACTIVE_MS@", ACTIVE_MS),
    ("@BEAT_MS@", BEAT_MS),
    ("@REFUND_MS@", REFUND_MS),
    ("@ENDGAME_PERCENT@", ENDGAME_PERCENT),
    ("@SHORTAGE_PERCENT@", SHORTAGE_PERCENT),
];
const REGISTER: &str = include_str!("register.lua");

/// The library: what to load, and how its functions are called.
#[derive(Debug, Clone)]
pub(crate) struct Library {
    code: Arc<str>,
    version: Arc<str>,
}

impl Library {
    /// The library as it runs everywhere: by Redis's clock.
    pub(crate) fn new() -> Self {
        Self::with_clock(CLOCK)
    }

    /// A library whose time stands still until `tl_<version>_set_clock <ms>` is called, on each
    /// process.
    #[cfg(test)]
    pub(crate) fn with_manual_clock() -> Self {
        Self::with_clock(include_str!("manual_clock.lua"))
    }

    /// The same, as another build has it.
    #[cfg(test)]
    pub(crate) fn of_another_build() -> Self {
        Self::with_clock(concat!(include_str!("manual_clock.lua"), "-- Another build.\n"))
    }

    /// The library of a build that knows no longer periods: of a book it reads and writes what that
    /// knew.
    #[cfg(test)]
    pub(crate) fn before_periods() -> Self {
        let now = Self::with_manual_clock();
        let unknown = [
            ("fields[10] or fields[1]", "fields[1]"),
            ("periods.take(b, fields[11])", ""),
            ("  periods.write(b, fields)\n  return fields", "  return fields"),
            ("struct.pack(POLICY .. 'I8', p", "struct.pack(POLICY, p"),
            ("b.policy.told < call.version or", ""),
            ("  periods.set(b, limits)\n  save_policy(b)", "  save_policy(b)"),
        ];
        let code = unknown.iter().fold(now.code.to_string(), |code, (new, old)| {
            assert_eq!(code.matches(new).count(), 1, "{new}");
            code.replace(new, old)
        });
        let version = "before";
        Self { code: code.replace(&*now.version, version).into(), version: version.into() }
    }

    /// Another library, whose functions bear this version.
    #[cfg(test)]
    pub(crate) fn of(code: &str, version: &str) -> Self {
        Self { code: code.into(), version: version.into() }
    }

    fn with_clock(clock: &str) -> Self {
        let head = CONSTANTS
            .iter()
            .fold(HEAD.to_owned(), |head, (name, value)| head.replace(name, &value.to_string()));
        let mut text = [&head, clock].join("\n");
        for part in PARTS.iter().chain([&REGISTER]) {
            // A part's locals end with it, so that none is used by accident.
            text.push_str(&["\ndo\n", part, "\nend\n"].concat());
        }
        let version = format!("{:016x}", xxh3_64(text.as_bytes()));
        Self { code: text.replace("@VERSION@", &version).into(), version: version.into() }
    }

    /// The text for `FUNCTION LOAD`. It must be loaded without `REPLACE`: a loaded one is the same.
    pub(crate) fn code(&self) -> &Arc<str> {
        &self.code
    }

    /// The full name of one of its functions.
    pub(crate) fn function(&self, name: &str) -> String {
        ["tl_", &self.version, "_", name].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_is_filled_in_and_none_is_left_over() {
        for (name, _) in CONSTANTS {
            assert_eq!(HEAD.matches(name).count(), 1, "{name}");
        }
        let library = Library::new();
        let is_open = |line: &&str| line.split("--").next().is_some_and(|code| code.contains('@'));
        assert_eq!(library.code().lines().find(is_open), None);
    }
}
