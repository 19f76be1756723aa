//! From a plan that breaks a rule to the few steps that do.

use super::plan::{Plan, Step};
use super::play::play;

/// Leaves steps out for as long as a rule is broken that the whole plan breaks, first many at once
/// (delta debugging); then calms the network, if it breaks all the same.
#[must_use]
pub fn shrink(plan: &Plan) -> Plan {
    let broken: Vec<_> = play(plan).violations.iter().map(|broken| broken.rule).collect();
    let breaks =
        |plan: &Plan| play(plan).violations.iter().any(|found| broken.contains(&found.rule));
    let mut plan = plan.clone();
    let calm = Plan { is_rough: false, ..plan.clone() };
    if breaks(&calm) {
        plan = calm;
    }
    let mut parts = 2;
    while plan.steps.len() > 1 {
        let size = plan.steps.len().div_ceil(parts);
        let without =
            (0..plan.steps.len()).step_by(size).map(|from| left_out(&plan.steps, from, size));
        let smaller = without.map(|steps| Plan { steps, ..plan.clone() }).find(|plan| breaks(plan));
        match smaller {
            Some(smaller) => {
                plan = smaller;
                parts = (parts - 1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(plan.steps.len()),
        }
    }
    let calm = Plan { is_rough: false, ..plan.clone() };
    let shorter = plan.steps.last().map_or(1, |last| last.at_ms + 1);
    let shorter = Plan { length_ms: shorter, ..plan.clone() };
    let both = Plan { is_rough: false, ..shorter.clone() };
    [both, shorter, calm].into_iter().find(|plan| breaks(plan)).unwrap_or(plan)
}

fn left_out(steps: &[Step], from: usize, size: usize) -> Vec<Step> {
    let to = (from + size).min(steps.len());
    [&steps[..from], &steps[to..]].concat()
}
