use rand::{Rng, RngExt};

use super::{Candidate, Rank, Round, Strategy};
use crate::member::MemberSettings;

/// `simple-shuffle`: weighted random by `weight`, else by `rpm`, else by `tpm`, whichever any
/// candidate has; else uniform. One without the weight that others have comes last: LiteLLM never
/// chooses it; here it takes what the others have no room for.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimpleShuffle;

impl Strategy for SimpleShuffle {
    fn rank(&self, candidates: &[Candidate<'_>], round: &mut Round<'_>) -> Vec<Rank> {
        let weight = weight(candidates);
        let ranks = candidates.iter().map(|candidate| {
            let weight = weight(candidate.settings).unwrap_or_default();
            let has_none = weight == 0.0;
            Rank { class: f64::from(u8::from(has_none)), lot: ring(weight, round.rng) }
        });
        ranks.collect()
    }
}

type Weight = fn(&MemberSettings) -> Option<f64>;

/// What the candidates are weighed by: the first of these that one of them has.
fn weight(candidates: &[Candidate<'_>]) -> Weight {
    let by: [Weight; 3] = [
        |settings| settings.weight,
        |settings| settings.rpm.map(precise_enough),
        |settings| settings.tpm.map(precise_enough),
    ];
    let is_had = |weight: &Weight| candidates.iter().any(|it| weight(it.settings).is_some());
    by.into_iter().find(is_had).unwrap_or(|_| Some(1.0))
}

/// Limits stay below 2^53, where every whole number is an f64.
#[expect(clippy::cast_precision_loss, reason = "limits are below 2^53")]
fn precise_enough(limit: u64) -> f64 {
    limit as f64
}

/// When an exponential clock of this rate rings: the first to ring comes first (Efraimidis and
/// Spirakis). Those without a weight draw lots among themselves.
fn ring(weight: f64, rng: &mut dyn Rng) -> f64 {
    let unit: f64 = rng.random();
    let rate = if weight == 0.0 { 1.0 } else { weight };
    -(1.0 - unit).ln() / rate
}

#[cfg(test)]
mod tests {
    use gateway_client::Moment;

    use super::super::testing::{Seen, firsts};
    use super::*;

    fn weighed(weights: &[f64]) -> Vec<Seen> {
        let of =
            |&weight: &f64| MemberSettings { weight: Some(weight), ..MemberSettings::default() };
        weights.iter().map(|weight| Seen { settings: of(weight), ..Seen::default() }).collect()
    }

    fn shuffled(seen: &[Seen], rounds: usize) -> Vec<usize> {
        firsts(&SimpleShuffle, seen, (Moment::START, false), rounds)
    }

    #[test]
    fn the_heavier_the_likelier_first() {
        let firsts = shuffled(&weighed(&[1.0, 3.0, 0.0]), 40_000);
        assert_eq!(firsts[2], 0);
        assert!((29_500..30_500).contains(&firsts[1]), "{firsts:?}");
    }

    #[test]
    fn limits_weigh_where_nothing_else_does() {
        let of = |rpm| MemberSettings { rpm, tpm: Some(1), ..MemberSettings::default() };
        let seen =
            [Some(100), Some(900), None].map(|rpm| Seen { settings: of(rpm), ..Seen::default() });
        let firsts = shuffled(&seen, 10_000);
        assert_eq!(firsts[2], 0);
        assert!((8_800..9_200).contains(&firsts[1]), "{firsts:?}");
    }

    #[test]
    fn without_any_weight_all_are_alike() {
        for seen in [weighed(&[0.0, 0.0]), vec![Seen::default(), Seen::default()]] {
            let firsts = shuffled(&seen, 10_000);
            assert!((4_800..5_200).contains(&firsts[0]), "{firsts:?}");
        }
    }
}
