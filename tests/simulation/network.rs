//! What becomes of a message.

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::plan::Weather;

/// When a message arrives, µs from now: never, once, or again later.
pub(crate) struct Fate {
    pub(crate) arrives_in_us: Option<u64>,
    pub(crate) again_in_us: Option<u64>,
}

impl Weather {
    pub(crate) fn request(&self, rng: &mut StdRng) -> Fate {
        let arrives_in_us = self.answer(rng);
        let is_repeated = rng.random_range(0..1_000) < self.repeated_permille;
        let again_in_us = is_repeated.then(|| rng.random_range(0..30_000_000));
        Fate { arrives_in_us, again_in_us }
    }

    pub(crate) fn answer(&self, rng: &mut StdRng) -> Option<u64> {
        let is_lost = rng.random_range(0..1_000) < self.lost_permille;
        (!is_lost).then(|| rng.random_range(self.delay_us.0..=self.delay_us.1))
    }
}
