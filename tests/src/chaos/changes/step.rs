//! What people, programs and chance do, and how it is chosen: uniformly, and with a liking for what
//! is seldom otherwise. A deployment begins with changes and refusals before anything is granted
//! from it, and a restart is followed by a change more often than not.

use std::time::Duration;

use quota_api::WindowKind;
use rand::{Rng, RngExt, seq::IndexedRandom};

use super::limits::{Long, Per};

/// The deployments of a run, none of which is there at its beginning.
pub(super) const DEPLOYMENTS: [(&str, WindowKind); 2] =
    [("minute", WindowKind::Minute), ("rolling", WindowKind::Rolling)];
const HOLDERS: u8 = 3;
const TOKENS: [u64; 6] = [50, 100, 200, 1_000, 5_000, 20_000];
/// Over a longer period.
const LONG_TOKENS: [u64; 4] = [300, 2_000, 10_000, 50_000];
const REQUESTS: [u64; 3] = [4, 50, 1_000];
const WAIT_MS: std::ops::Range<u64> = 1..2_500;
const PAUSE_MS: std::ops::Range<u64> = 300..4_000;

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Makes the deployment, or raises or lowers its limit.
    Put {
        deployment: usize,
        tokens: u64,
        requests: u64,
        long: Option<Long>,
    },
    Delete {
        deployment: usize,
    },
    /// A holder asks for so much.
    Acquire {
        deployment: usize,
        holder: u8,
        size: Size,
    },
    /// The last ask of the deployment is made again.
    Repeat {
        deployment: usize,
    },
    /// Of one of its leases, by chance: so many of sixteen parts.
    GiveBack {
        deployment: usize,
        nth: usize,
        parts: u64,
        closed: bool,
    },
    /// More than the lease was used.
    Overrun {
        deployment: usize,
        nth: usize,
        by: u64,
    },
    /// The next question's asker is gone before the answer, since the server is killed after so
    /// long.
    KillMidway {
        after: Duration,
    },
    /// Killed with -9, and started again.
    Kill,
    /// All servers of the site at once.
    KillAll,
    /// Asked to stop, and started again.
    Stop,
    /// Stopped in its tracks for so long.
    Pause {
        span: Duration,
    },
    Wait {
        span: Duration,
    },
}

/// How much an ask is for, by what is left as far as one knows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Size {
    /// A little.
    Little(u64),
    /// Nothing, or a little, of what is left stays.
    AllBut(u64),
    /// A little more than is left.
    MoreBy(u64),
    /// More than the limit itself.
    NeverFits(u64),
}

impl Step {
    /// The next one: `fresh` tells which deployments nobody has asked yet, `missing` which are not
    /// there, `is_after_restart` whether nothing happened since.
    pub(super) fn choose(
        rng: &mut impl Rng,
        [fresh, missing]: [[bool; DEPLOYMENTS.len()]; 2],
        is_after_restart: bool,
    ) -> Self {
        let deployment = rng.random_range(0..DEPLOYMENTS.len());
        let holder = rng.random_range(0..HOLDERS);
        let put = Self::Put {
            deployment,
            tokens: *TOKENS.choose(rng).expect("some"),
            requests: *REQUESTS.choose(rng).expect("some"),
            long: rng.random_bool(0.4).then(|| Long {
                per: if rng.random_bool(0.7) { Per::Day } else { Per::TenMinutes },
                most: *LONG_TOKENS.choose(rng).expect("some"),
            }),
        };
        if (is_after_restart || missing[deployment]) && rng.random_bool(0.6) {
            return put;
        }
        let nth = rng.random_range(0..64);
        match rng.random_range(0..100) {
            0..20 => put,
            20..24 => Self::Delete { deployment },
            24..55 => {
                let size = Size::choose(rng, fresh[deployment]);
                Self::Acquire { deployment, holder, size }
            }
            55..60 => Self::Repeat { deployment },
            60..72 => {
                let (parts, closed) = (rng.random_range(0..=16), rng.random_bool(0.3));
                Self::GiveBack { deployment, nth, parts, closed }
            }
            72..75 => Self::Overrun { deployment, nth, by: rng.random_range(1..100) },
            75..80 => Self::KillMidway { after: Duration::from_micros(rng.random_range(0..8_000)) },
            80..90 => Self::Kill,
            90..92 => Self::KillAll,
            92..94 => Self::Stop,
            94..96 => Self::Pause { span: Duration::from_millis(rng.random_range(PAUSE_MS)) },
            _ => Self::Wait { span: Duration::from_millis(rng.random_range(WAIT_MS)) },
        }
    }

    /// Whether servers end by it.
    pub(super) fn is_restart(&self) -> bool {
        matches!(self, Self::Kill | Self::KillAll | Self::Stop | Self::KillMidway { .. })
    }
}

impl Size {
    fn choose(rng: &mut impl Rng, is_fresh: bool) -> Self {
        let little = rng.random_range(1..40);
        match rng.random_range(if is_fresh { 5..10 } else { 0..10 }) {
            0..4 => Self::Little(little),
            4..7 => Self::AllBut(if rng.random_bool(0.5) { 0 } else { little }),
            7 => Self::MoreBy(little),
            _ => Self::NeverFits(little),
        }
    }

    /// `min` and `want`, in tokens.
    pub(super) fn ask(self, (limit, left): (u64, u64)) -> (u64, u64) {
        let min = match self {
            Self::Little(tokens) => tokens,
            Self::AllBut(tokens) => left.saturating_sub(tokens),
            Self::MoreBy(tokens) => left + tokens,
            Self::NeverFits(tokens) => limit + tokens,
        };
        let min = min.max(1);
        (min, min + limit / 8 * u64::from(matches!(self, Self::Little(_))))
    }
}
