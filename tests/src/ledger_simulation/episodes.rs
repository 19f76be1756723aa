//! Making plans: some things at any time, others where it matters.
//!
//! One thing is left out. Where the ledger's time goes on by a clock that knows nothing of the time
//! between (a machine that starts, another machine that saw no sign of life), a wall clock that is
//! in a later minute is believed. So a wall clock that is wrong by a minute opens a window early
//! there, and nothing could tell. Wall clocks are stepped where one machine keeps the time and does
//! not start anew, neither before (until something is written, the time goes on by the wall clock
//! with each start of the server) nor after.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::plan::{Plan, Step, What};
use super::play::{DEPLOYMENTS, HOLDERS};
use super::requests;

const MINUTE_MS: u64 = 60_000;

/// Limits, in tokens: few enough that a handful of leases fills a window.
const LIMITS: [u64; 8] = [0, 1, 50, 100, 200, 500, 1_000, 1_000_000];

/// Limits in any ten minutes, in tokens.
const SPAN_LIMITS: [u64; 4] = [100, 600, 2_000, 1_000_000];

/// A plan in the making.
struct Maker {
    rng: SmallRng,
    plan: Plan,
}

impl Plan {
    /// What happens under this seed.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let plan = Self {
            seed,
            servers: [1, 1, 2, 3][rng.random_range(0..4)],
            into_minute_ms: rng.random_range(0..MINUTE_MS),
            is_rough: rng.random_ratio(2, 3),
            length_ms: rng.random_range(2..8) * MINUTE_MS,
            steps: Vec::new(),
        };
        let mut maker = Maker { rng, plan };
        maker.fill();
        maker.plan
    }
}

impl Maker {
    fn fill(&mut self) {
        for deployment in 0..self.rng.random_range(1..=DEPLOYMENTS) {
            let put = self.put(deployment);
            self.at(0, put);
        }
        let minutes = self.plan.length_ms / MINUTE_MS;
        for _ in 0..self.rng.random_range(0..30) * minutes {
            let at_ms = self.rng.random_range(0..self.plan.length_ms);
            let what = self.operation();
            self.at(at_ms, what);
        }
        for _ in 0..self.rng.random_range(0..=2 * minutes) {
            let at_ms = self.rng.random_range(0..self.plan.length_ms);
            let what = self.fault();
            self.at(at_ms, what);
        }
        for _ in 0..self.rng.random_range(minutes..=4 * minutes) {
            let at_ms = self.rng.random_range(0..self.plan.length_ms);
            self.episode(at_ms);
        }
        requests::add(&mut self.plan);
        let length_ms = self.plan.length_ms;
        self.plan.steps.retain(|step| step.at_ms < length_ms);
        self.plan.steps.sort_by_key(|step| step.at_ms);
    }

    fn at(&mut self, at_ms: u64, what: What) {
        self.plan.steps.push(Step { at_ms, what });
    }

    fn deployment(&mut self) -> usize {
        self.rng.random_range(0..DEPLOYMENTS)
    }

    fn holder(&mut self) -> usize {
        self.rng.random_range(0..HOLDERS)
    }

    fn limit(&mut self) -> u64 {
        LIMITS[self.rng.random_range(0..LIMITS.len())]
    }

    fn back(&mut self) -> usize {
        if self.rng.random_bool(0.6) { 0 } else { self.rng.random_range(0..8) }
    }

    fn put(&mut self, deployment: usize) -> What {
        if self.rng.random_ratio(1, 4) {
            let most = SPAN_LIMITS[self.rng.random_range(0..SPAN_LIMITS.len())];
            return What::PutPeriod { deployment, tokens: self.limit(), most };
        }
        let requests = self.rng.random_ratio(1, 5).then(|| self.rng.random_range(0..20));
        let rolling = self.rng.random_ratio(1, 4);
        What::Put { deployment, tokens: self.limit(), requests, rolling }
    }

    /// The limit changes and the kind does not, as far as is known.
    fn change(&mut self, deployment: usize) -> What {
        let earlier = self.plan.steps.iter().rev().find_map(|step| match step.what {
            What::Put { deployment: of, rolling, .. } if of == deployment => Some(rolling),
            What::PutPeriod { deployment: of, .. } if of == deployment => Some(false),
            _ => None,
        });
        // Half of the time one over a longer period stays, with another amount perhaps.
        if earlier == Some(false) && self.rng.random_bool(0.3) {
            let most = SPAN_LIMITS[self.rng.random_range(0..SPAN_LIMITS.len())];
            return What::PutPeriod { deployment, tokens: self.limit(), most };
        }
        let rolling = earlier.unwrap_or_default();
        What::Put { deployment, tokens: self.limit(), requests: None, rolling }
    }

    fn acquire(&mut self, deployment: usize) -> What {
        let min = match self.rng.random_range(0..6) {
            0 => 0,
            1 => 1,
            2 => self.limit(),
            3 => self.limit() * 9 / 10,
            4 => self.limit() + 1,
            _ => self.rng.random_range(1..300),
        };
        let want = if self.rng.random_bool(0.5) { min } else { min * 2 + 10 };
        let draws = [0, 50, 100][self.rng.random_range(0..3)];
        let (holder, ahead) = (self.holder(), self.rng.random_ratio(1, 8));
        What::Acquire { holder, deployment, min, want, ahead, draws }
    }

    fn give_back(&mut self) -> What {
        let (holder, back) = (self.holder(), self.back());
        let percent = [0, 50, 100][self.rng.random_range(0..3)];
        What::Return { holder, back, percent, closed: self.rng.random_bool(0.5) }
    }

    fn operation(&mut self) -> What {
        let deployment = self.deployment();
        match self.rng.random_range(0..100) {
            0..45 => self.acquire(deployment),
            45..52 => What::Repeat { holder: self.holder(), back: self.back() },
            52..70 => self.give_back(),
            70..78 => {
                let overrun = if self.rng.random_ratio(1, 4) { self.limit() } else { 0 };
                What::Report { holder: self.holder(), back: self.back(), overrun }
            }
            78..81 => What::Forge { holder: self.holder(), of: self.holder(), back: self.back() },
            81..84 => What::Deny { holder: self.holder(), deployment },
            84..88 => self.put(deployment),
            88..94 => self.change(deployment),
            94..97 => What::Delete { deployment },
            97..99 => What::Look,
            _ => What::Revoke { holder: self.holder() },
        }
    }

    fn kill(&mut self) -> What {
        let down_ms = match self.rng.random_range(0..10) {
            0 => self.rng.random_range(0..90_000),
            1..4 => self.rng.random_range(0..3_000),
            _ => self.rng.random_range(0..50),
        };
        let declares = if self.rng.random_ratio(1, 6) { self.limit() } else { 0 };
        let server = self.rng.random_range(0..self.plan.servers);
        What::Kill { server, down_ms, reboots: self.rng.random_ratio(1, 8), declares }
    }

    fn commit_fault(&mut self) -> What {
        let by_ms = self.rng.random_range(1..4_000);
        match self.rng.random_range(0..5) {
            0 => What::CommitFails,
            1 => What::CommitFailsWritten,
            2 => What::CommitWrittenLater { by_ms },
            3 => What::CommitSlow { by_ms },
            _ => What::CommitSilent { by_ms },
        }
    }

    fn fault(&mut self) -> What {
        if self.plan.servers > 1 && self.rng.random_ratio(1, 10) {
            return What::Promote { missing: self.rng.random_range(0..12) };
        }
        if self.plan.servers == 1 && self.rng.random_ratio(1, 12) {
            return self.loss();
        }
        let server = self.rng.random_range(0..self.plan.servers);
        let for_ms = self.rng.random_range(1..8_000);
        match self.rng.random_range(0..12) {
            0..4 => self.kill(),
            4 => What::Restart { server, down_ms: self.rng.random_range(0..3_000) },
            5 => What::Pause { server, for_ms },
            6 => What::Suspend { server, for_ms },
            7 if self.plan.servers == 1 => {
                What::StepWall { server, by_ms: self.rng.random_range(-90_000..90_000) }
            }
            8 => What::Drift { server, ppm: self.rng.random_range(-500..=500) },
            9 => What::StoreAway { for_ms },
            _ => self.commit_fault(),
        }
    }

    /// What a server that has its store to itself finds at its start.
    fn loss(&mut self) -> What {
        let down_ms = self.rng.random_range(0..3_000);
        if self.rng.random_bool(0.5) {
            return What::PutBack { missing: self.rng.random_range(0..12), down_ms };
        }
        let (back, is_missing) = (self.rng.random_range(0..12), self.rng.random_bool(0.3));
        What::Damage { back, is_missing, down_ms }
    }

    /// Several things shortly after each other.
    fn episode(&mut self, at_ms: u64) {
        match self.rng.random_range(0..6) {
            0 => self.boundary(at_ms),
            1 => self.denials(at_ms),
            2 => self.nothing_left(at_ms),
            3 => self.doubt(at_ms),
            _ => self.changes(at_ms),
        }
    }

    /// Anything within 100 ms of a window's end.
    fn boundary(&mut self, at_ms: u64) {
        let wall_ms = at_ms + self.plan.into_minute_ms;
        let end_ms = wall_ms.next_multiple_of(MINUTE_MS) - self.plan.into_minute_ms;
        for _ in 0..self.rng.random_range(2..8) {
            let near = self.rng.random_range(0..200);
            let what = if self.rng.random_ratio(1, 6) { self.fault() } else { self.operation() };
            self.at((end_ms + near).saturating_sub(100), what);
        }
    }

    /// A window in which nothing is granted.
    fn denials(&mut self, at_ms: u64) {
        let deployment = self.deployment();
        let mut at_ms = at_ms;
        let put = self.change(deployment);
        self.at(at_ms, put);
        for _ in 0..self.rng.random_range(1..4) {
            at_ms += self.rng.random_range(50..400);
            let holder = self.holder();
            let min = 2_000_000;
            self.at(
                at_ms,
                What::Acquire { holder, deployment, min, want: min, ahead: false, draws: 0 },
            );
        }
        self.on_one(at_ms, deployment);
    }

    /// All of it is granted, then the limit changes.
    fn nothing_left(&mut self, at_ms: u64) {
        let (deployment, holder) = (self.deployment(), self.holder());
        let tokens = [100, 1_000][self.rng.random_range(0..2)];
        self.at(at_ms, What::Put { deployment, tokens, requests: None, rolling: false });
        let all = What::Acquire {
            holder,
            deployment,
            min: tokens,
            want: tokens,
            ahead: false,
            draws: 100,
        };
        self.at(at_ms + 100, all);
        self.on_one(at_ms + 200, deployment);
    }

    /// A commit that is in doubt, and a restart perhaps.
    fn doubt(&mut self, at_ms: u64) {
        let deployment = self.deployment();
        let fault = self.commit_fault();
        self.at(at_ms, fault);
        for part in 0..3 {
            let what = if part == 0 { self.change(deployment) } else { self.acquire(deployment) };
            let gap = self.rng.random_range(0..300);
            self.at(at_ms + 1 + gap, what);
        }
        if self.rng.random_bool(0.5) {
            let kill = self.kill();
            let gap = self.rng.random_range(0..1_500);
            self.at(at_ms + gap, kill);
        }
    }

    fn changes(&mut self, at_ms: u64) {
        let deployment = self.deployment();
        self.on_one(at_ms, deployment);
    }

    /// Limits, asks and restarts, one after another, all of one deployment.
    fn on_one(&mut self, at_ms: u64, deployment: usize) {
        let mut at_ms = at_ms;
        for _ in 0..self.rng.random_range(3..10) {
            at_ms += self.rng.random_range(20..600);
            let what = match self.rng.random_range(0..10) {
                0..3 => self.change(deployment),
                3..7 => self.acquire(deployment),
                7 => self.give_back(),
                8 => What::Delete { deployment },
                _ => self.kill(),
            };
            self.at(at_ms, what);
        }
    }
}
