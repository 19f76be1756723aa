use rand::RngExt;

use super::{Candidate, Rank, Round, Strategy};

/// `usage-based-routing` and `usage-based-routing-v2`: the fewest tokens used in this minute over
/// all gateways, ties at random. The figures are those that leases bring; nobody is asked for them.
/// What is not known yet is less than what is used, so a deployment that was not looked at for long
/// is tried, and then known. Whether it has room is said by the draw: up to the last token and
/// request of its limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsageBased;

impl Strategy for UsageBased {
    #[expect(clippy::cast_precision_loss, reason = "limits are below 2^53")]
    fn rank(&self, candidates: &[Candidate<'_>], round: &mut Round<'_>) -> Vec<Rank> {
        let class = |candidate: &Candidate<'_>| candidate.used_tokens() as f64;
        let ranks = candidates.iter().map(|it| Rank { class: class(it), lot: round.rng.random() });
        ranks.collect()
    }
}

#[cfg(test)]
mod tests {
    use gateway_client::Moment;

    use super::super::testing::{Seen, firsts};
    use super::*;

    #[test]
    fn the_fewest_tokens_and_ties_at_random() {
        let seen = [501, 500, 500].map(|used_tokens| Seen { used_tokens, ..Seen::default() });
        let counts = firsts(&UsageBased, &seen, (Moment::START, false), 10_000);
        assert_eq!(counts[0], 0);
        assert!((4_800..5_200).contains(&counts[1]), "{counts:?}");
    }
}
