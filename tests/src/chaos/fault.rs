//! What can befall a message.

use std::time::Duration;

use rand::{Rng, RngExt};

/// What befalls one message and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// The server never sees it; the connection is cut.
    RequestLost,
    /// The server does it, but the answer is lost; the connection is cut.
    AnswerLost,
    /// It reaches the server late.
    RequestLate(Duration),
    /// Its answer comes back late.
    AnswerLate(Duration),
    /// It reaches the server twice in a row; the second answer comes back.
    Twice,
    /// It reaches the server once more, later: after newer messages, maybe after a restart.
    Echo(Duration),
}

/// Longer than a beat, shorter than what a client waits for an answer.
const LATE_MS: std::ops::Range<u64> = 20..600;
/// As long as leases last, and a restart takes.
const ECHO_MS: std::ops::Range<u64> = 50..3_000;

impl Fault {
    /// Every second message has one.
    pub(super) fn choose(rng: &mut impl Rng) -> Self {
        let late = Duration::from_millis(rng.random_range(LATE_MS));
        match rng.random_range(0..16) {
            0 => Self::RequestLost,
            1 | 2 => Self::AnswerLost,
            3 => Self::RequestLate(late),
            4 => Self::AnswerLate(late),
            5 | 6 => Self::Twice,
            7 => Self::Echo(Duration::from_millis(rng.random_range(ECHO_MS))),
            _ => Self::None,
        }
    }
}
