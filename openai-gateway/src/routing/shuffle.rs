//! `simple-shuffle`, as LiteLLM's users know it: weighted random by `weight`, else by `rpm`, else by
//! `tpm`, whichever any deployment of the group has; else uniform. Lower `order`s come first.

use rand::{Rng, RngExt};

use crate::config::DeploymentConfig;

/// How likely each deployment of a group comes first. One without the weight that others have comes
/// last: LiteLLM never chooses it; here it takes what the others have no room for.
pub(super) fn weights(deployments: &[&DeploymentConfig]) -> Vec<f64> {
    let by: [fn(&DeploymentConfig) -> Option<f64>; 3] = [
        |deployment| deployment.weight,
        |deployment| deployment.limits?.rpm.map(precise_enough),
        |deployment| deployment.limits?.tpm.map(precise_enough),
    ];
    by.iter()
        .map(|weight| deployments.iter().map(|deployment| weight(deployment)).collect::<Vec<_>>())
        .find(|weights| weights.iter().any(Option::is_some))
        .map_or_else(
            || vec![1.0; deployments.len()],
            |weights| weights.into_iter().map(Option::unwrap_or_default).collect(),
        )
}

/// Limits stay below 2^53, where every whole number is an f64.
#[expect(clippy::cast_precision_loss, reason = "limits are below 2^53")]
fn precise_enough(limit: u64) -> f64 {
    limit as f64
}

/// A random order of `(order, weight)`s, by index: lower orders first, within one the heavier the
/// likelier first. One pass: an exponential clock of rate `weight` for each, the first to ring
/// comes first (Efraimidis and Spirakis).
pub(super) fn shuffle(ranks: &[(u32, f64)], rng: &mut impl Rng) -> Vec<usize> {
    let mut rings: Vec<_> = ranks
        .iter()
        .enumerate()
        .map(|(index, &(order, weight))| (order, weight == 0.0, ring(weight, rng), index))
        .collect();
    rings.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    rings.into_iter().map(|(.., index)| index).collect()
}

/// When the clock of this rate rings; those without a weight draw lots among themselves.
fn ring(weight: f64, rng: &mut impl Rng) -> f64 {
    let unit: f64 = rng.random();
    let rate = if weight == 0.0 { 1.0 } else { weight };
    -(1.0 - unit).ln() / rate
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    fn firsts(ranks: &[(u32, f64)], rounds: usize) -> Vec<usize> {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut firsts = vec![0; ranks.len()];
        for _ in 0..rounds {
            firsts[shuffle(ranks, &mut rng)[0]] += 1;
        }
        firsts
    }

    #[test]
    fn the_heavier_the_likelier_first() {
        let firsts = firsts(&[(0, 1.0), (0, 3.0), (0, 0.0)], 40_000);
        assert_eq!(firsts[2], 0);
        assert!((29_500..30_500).contains(&firsts[1]), "{firsts:?}");
    }

    #[test]
    fn without_any_weight_all_are_alike() {
        let firsts = firsts(&[(0, 0.0), (0, 0.0)], 10_000);
        assert!((4_800..5_200).contains(&firsts[0]), "{firsts:?}");
    }

    #[test]
    fn lower_orders_come_first() {
        assert_eq!(firsts(&[(2, 100.0), (1, 0.1)], 100), [0, 100]);
    }

    #[test]
    fn every_deployment_is_tried_once() {
        let mut order = shuffle(&[(0, 0.0), (1, 5.0), (0, 2.0)], &mut SmallRng::seed_from_u64(1));
        assert_eq!(order, [2, 0, 1]);
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2]);
    }

    #[test]
    fn the_same_seed_gives_the_same_order() {
        let ranks = [(0, 1.0); 8];
        let run = || shuffle(&ranks, &mut SmallRng::seed_from_u64(3));
        assert_eq!(run(), run());
    }
}
