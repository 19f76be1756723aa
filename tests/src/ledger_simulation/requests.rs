//! Requests through gateways, in a share of the plans.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::gateways::GATEWAYS;
use super::plan::{Plan, Step, What};

const MINUTE_MS: u64 = 60_000;

/// One plan in so many has gateways.
const SHARE: u32 = 3;

/// Adds bursts of requests. They have randomness of their own, so that they change no plan that has
/// none.
pub(super) fn add(plan: &mut Plan) {
    let mut rng = SmallRng::seed_from_u64(!plan.seed);
    if !rng.random_ratio(1, SHARE) {
        return;
    }
    for _ in 0..rng.random_range(1..=2) * plan.length_ms / MINUTE_MS {
        let at_ms = rng.random_range(0..plan.length_ms);
        let near_end = (at_ms + plan.into_minute_ms).next_multiple_of(MINUTE_MS);
        let near_end = near_end.saturating_sub(plan.into_minute_ms + 1_000);
        let at_ms = if rng.random_ratio(1, 4) { near_end } else { at_ms };
        burst(plan, at_ms, &mut rng);
    }
}

fn burst(plan: &mut Plan, at_ms: u64, rng: &mut SmallRng) {
    let gateway = rng.random_range(0..GATEWAYS);
    let most = [10, 60, 200][rng.random_range(0..3)];
    let mut at_ms = at_ms;
    for _ in 0..rng.random_range(1..12) {
        let what = What::Request {
            gateway,
            tokens: rng.random_range(1..=most),
            percent: [0, 40, 100, 100, 130][rng.random_range(0..5)],
            takes_ms: rng.random_range(0..3_000),
        };
        plan.steps.push(Step { at_ms, what });
        at_ms += rng.random_range(0..300);
    }
}
