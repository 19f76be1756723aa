//! The clocks of one machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quota_core::Reading;
use quota_server::clock::Clock;
use tokio::time::{Duration, Instant};

const NOON_MS: u64 = 29_384_640 * 60_000;

/// A machine's clocks over the simulation's time. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Machine(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    began: Instant,
    into_minute_ms: u64,
    boot: u128,
    /// Its steady clock at `since`, in ms.
    steady_ms: f64,
    since: Instant,
    ppm: f64,
    /// While it stands still.
    frozen_until: Instant,
    wall_off_ms: i64,
    /// When it was read last, and how often at this very time.
    read: (Instant, u32),
    has_spun: bool,
}

/// What a machine's boot id goes up by when it starts anew; there are fewer machines.
const ANOTHER_RUN: u128 = 1_000;

/// Nobody who does something reads a clock so often at one time.
const SPINS: u32 = 3_000;

impl Machine {
    pub(super) fn new(number: usize, into_minute_ms: u64) -> Self {
        let now = Instant::now();
        let number = u32::try_from(number).unwrap_or(0);
        Self(Arc::new(Mutex::new(State {
            began: now,
            into_minute_ms,
            boot: u128::from(number) + 1,
            steady_ms: 1_000_000.0 * f64::from(number + 1),
            since: now,
            ppm: 0.0,
            frozen_until: now,
            wall_off_ms: 0,
            read: (now, 0),
            has_spun: false,
        })))
    }

    /// Another run of the machine, unless its wall clock was stepped: see the module `episodes`.
    pub(super) fn reboot(&self) {
        let mut state = self.state();
        if state.wall_off_ms != 0 {
            return;
        }
        state.boot += ANOTHER_RUN;
        state.steady_ms = 0.0;
        state.since = Instant::now();
        state.frozen_until = state.since;
    }

    /// Steps the wall clock, unless this is another run of the machine: see the module `episodes`.
    pub(super) fn step_wall(&self, by_ms: i64) {
        let mut state = self.state();
        if state.boot < ANOTHER_RUN {
            state.wall_off_ms += by_ms;
        }
    }

    pub(super) fn drift(&self, ppm: i64) {
        let mut state = self.state();
        state.bring();
        state.ppm = i32::try_from(ppm).map_or(0.0, f64::from);
    }

    /// Both clocks stand still for so long; then the wall clock is set right.
    pub(super) fn freeze(&self, length: Duration) {
        let mut state = self.state();
        state.bring();
        state.frozen_until = Instant::now() + length;
    }

    /// Whether somebody read it again and again with no time passing.
    pub(super) fn has_spun(&self) -> bool {
        self.state().has_spun
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn steady(&self) -> f64 {
        let from = self.since.max(self.frozen_until);
        let passed = Instant::now().saturating_duration_since(from).as_secs_f64() * 1_000.0;
        self.steady_ms + passed * (1.0 + self.ppm / 1_000_000.0)
    }

    /// Time stands still while a task goes round and round: it ends here, and the run goes on
    /// without it.
    fn count_reading(&mut self) {
        let now = Instant::now();
        self.read = if self.read.0 == now { (now, self.read.1 + 1) } else { (now, 0) };
        if self.read.1 >= SPINS {
            self.read = (now, 0);
            self.has_spun = true;
            panic!("a task goes round and round");
        }
    }

    fn bring(&mut self) {
        self.steady_ms = self.steady();
        self.since = Instant::now();
    }
}

impl Clock for Machine {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in ms")]
    fn reading(&self) -> Reading {
        let mut state = self.state();
        state.count_reading();
        let passed = Instant::now().duration_since(state.began).as_millis();
        let wall_ms = NOON_MS + state.into_minute_ms + u64::try_from(passed).unwrap_or(0);
        Reading {
            steady_ms: state.steady() as u64,
            wall_ms: wall_ms.saturating_add_signed(state.wall_off_ms),
        }
    }

    fn boot(&self) -> Option<u128> {
        Some(self.state().boot)
    }
}
