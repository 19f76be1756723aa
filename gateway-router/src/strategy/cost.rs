use rand::RngExt;

use super::{Candidate, Rank, Round, Strategy};

/// `cost-based-routing`: the lowest sum of the prices of a token of input and one of output, ties
/// at random. Those whose price nobody says come last.
#[derive(Debug, Clone, Copy, Default)]
pub struct CostBased;

impl Strategy for CostBased {
    fn rank(&self, candidates: &[Candidate<'_>], round: &mut Round<'_>) -> Vec<Rank> {
        let ranks = candidates.iter().map(|candidate| {
            let settings = candidate.settings;
            let (input, output) = (settings.input_cost_per_token, settings.output_cost_per_token);
            let is_known = input.is_some() || output.is_some();
            let price = input.unwrap_or_default() + output.unwrap_or_default();
            let class = if is_known { price } else { f64::INFINITY };
            Rank { class, lot: round.rng.random() }
        });
        ranks.collect()
    }
}

#[cfg(test)]
mod tests {
    use gateway_client::Moment;

    use super::super::testing::{Seen, firsts};
    use super::*;
    use crate::member::MemberSettings;

    #[test]
    fn the_cheapest_and_the_unknown_last() {
        let of = |input_cost_per_token, output_cost_per_token| MemberSettings {
            input_cost_per_token,
            output_cost_per_token,
            ..MemberSettings::default()
        };
        let seen = [
            of(None, None),
            of(Some(1e-6), Some(4e-6)),
            of(Some(2e-6), Some(2e-6)),
            of(Some(2e-6), Some(2e-6)),
        ]
        .map(|settings| Seen { settings, ..Seen::default() });
        let counts = firsts(&CostBased, &seen, (Moment::START, false), 10_000);
        assert_eq!(counts[..2], [0, 0]);
        assert!((4_800..5_200).contains(&counts[2]), "{counts:?}");
        assert_eq!(firsts(&CostBased, &seen[..2], (Moment::START, false), 100), [0, 100]);
    }
}
