use std::sync::atomic::{AtomicU64, Ordering};

use rand::SeedableRng;
use rand::rngs::SmallRng;

/// Randomness for one request after another, without a lock: the same seed gives the same run.
#[derive(Debug)]
pub struct Dice {
    seed: u64,
    rolls: AtomicU64,
}

impl Dice {
    /// Dice whose rolls all follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, rolls: AtomicU64::new(0) }
    }

    /// A generator of its own for the next request.
    pub fn roll(&self) -> SmallRng {
        let roll = self.rolls.fetch_add(1, Ordering::Relaxed);
        SmallRng::seed_from_u64(self.seed.wrapping_add(roll))
    }
}
