use rand::RngExt;

use super::{Candidate, Rank, Round, Strategy};

/// `least-busy`: the fewest requests of this process in flight, ties at random.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeastBusy;

impl Strategy for LeastBusy {
    #[expect(clippy::cast_precision_loss, reason = "no process has 2^53 requests in flight")]
    fn rank(&self, candidates: &[Candidate<'_>], round: &mut Round<'_>) -> Vec<Rank> {
        let class = |candidate: &Candidate<'_>| candidate.statistics.in_flight() as f64;
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
    fn the_fewest_in_flight_and_ties_at_random() {
        let seen: [Seen; 3] = std::array::from_fn(|_| Seen::default());
        seen[0].statistics.took_off(None);
        let counts = firsts(&LeastBusy, &seen, (Moment::START, false), 10_000);
        assert_eq!(counts[0], 0);
        assert!((4_800..5_200).contains(&counts[1]), "{counts:?}");
        seen[0].statistics.landed();
        assert!(firsts(&LeastBusy, &seen, (Moment::START, false), 1_000)[0] > 0);
    }
}
