use std::time::Duration;

use rand::RngExt;

use super::{Candidate, Rank, Round, Strategy};
use crate::Statistics;

/// One that was never seen and failed is not tried first again for so long.
const LOOKED_AT: Duration = Duration::from_secs(60);

/// `routing_strategy_args` of [`LatencyBased`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencySettings {
    /// Those are alike whose latency is within this share of the lowest one above it; LiteLLM's
    /// `lowest_latency_buffer`, 0 by default.
    pub lowest_latency_buffer: f64,
    /// What is older is forgotten: the deployment counts as unseen. LiteLLM's `ttl`, an hour by
    /// default.
    pub ttl: Duration,
    /// So many of the last samples count, at most 32; LiteLLM's `max_latency_list_size`, 10 by
    /// default.
    pub max_latency_list_size: usize,
}

impl Default for LatencySettings {
    fn default() -> Self {
        Self {
            lowest_latency_buffer: 0.0,
            ttl: Duration::from_secs(3_600),
            max_latency_list_size: 10,
        }
    }
}

/// `latency-based-routing`: the lowest average of the last samples, which are seconds for each
/// token of output, or for streams seconds to the first byte. Those that were never seen are tried
/// first, one request at a time, and for a minute after a failure last; more wait for no news of
/// them and go to those that are known.
#[derive(Debug, Clone, Copy, Default)]
pub struct LatencyBased(pub LatencySettings);

impl Strategy for LatencyBased {
    fn rank(&self, candidates: &[Candidate<'_>], round: &mut Round<'_>) -> Vec<Rank> {
        let since = round.now.less(self.0.ttl);
        let lately = round.now.less(LOOKED_AT);
        let latency = |candidate: &Candidate<'_>| {
            let statistics = candidate.statistics;
            let samples = if round.streams { &statistics.first } else { &statistics.whole };
            samples.average(self.0.max_latency_list_size, since)
        };
        let is_first = |seen: &Statistics| seen.in_flight() == 0 && !seen.has_failed_since(lately);
        let latencies: Vec<_> = candidates.iter().map(latency).collect();
        let lowest = latencies.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        let alike = lowest * (1.0 + self.0.lowest_latency_buffer);
        let ranks = latencies.iter().zip(candidates).map(|(latency, candidate)| {
            let class = match latency {
                None if is_first(candidate.statistics) => -1.0,
                None => f64::INFINITY,
                Some(latency) if *latency <= alike => 0.0,
                Some(latency) => *latency,
            };
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
    use crate::Fault;

    const NOW: Moment = Moment::from_nanos(7_200_000_000_000);

    fn seen(millis: &[u64]) -> Vec<Seen> {
        let of = |&millis: &u64| {
            let seen = Seen::default();
            seen.statistics.answered(Duration::from_millis(millis), 0, NOW);
            seen
        };
        millis.iter().map(of).collect()
    }

    fn counts(buffer: f64, seen: &[Seen], streams: bool) -> Vec<usize> {
        let settings =
            LatencySettings { lowest_latency_buffer: buffer, ..LatencySettings::default() };
        firsts(&LatencyBased(settings), seen, (NOW, streams), 1_000)
    }

    #[test]
    fn the_fastest_and_within_the_buffer_any() {
        let seen = seen(&[600, 500, 551, 549]);
        assert_eq!(counts(0.0, &seen, false), [0, 1_000, 0, 0]);
        let counts = counts(0.1, &seen, false);
        assert_eq!((counts[0], counts[2], counts[1] + counts[3]), (0, 0, 1_000));
        assert!(counts[1] > 400 && counts[3] > 400, "{counts:?}");
    }

    #[test]
    fn the_unseen_are_looked_at_first_and_once() {
        let mut seen = seen(&[500]);
        seen.push(Seen::default());
        assert_eq!(counts(0.0, &seen, false), [0, 1_000]);
        seen[1].statistics.took_off(None);
        assert_eq!(counts(0.0, &seen, false), [1_000, 0]);
    }

    #[test]
    fn an_hour_later_it_is_unseen_again() {
        let mut seen = seen(&[500]);
        let old = Seen::default();
        old.statistics.answered(
            Duration::from_millis(100),
            0,
            NOW.less(Duration::from_secs(3_601)),
        );
        seen.push(old);
        assert_eq!(counts(0.0, &seen, false), [0, 1_000]);
        seen[1].statistics.took_off(None);
        assert_eq!(counts(0.0, &seen, false), [1_000, 0]);
    }

    #[test]
    fn streams_are_judged_by_their_first_byte_and_tokens_share_the_time() {
        let seen = [Seen::default(), Seen::default()];
        seen[0].statistics.began(Duration::from_millis(300), NOW);
        seen[1].statistics.began(Duration::from_millis(200), NOW);
        seen[0].statistics.answered(Duration::from_secs(10), 100, NOW);
        seen[1].statistics.answered(Duration::from_secs(1), 5, NOW);
        assert_eq!(counts(0.0, &seen, true), [0, 1_000]);
        assert_eq!(counts(0.0, &seen, false), [1_000, 0]);
    }

    #[test]
    fn one_that_only_fails_is_not_looked_at_first_for_ever() {
        let mut seen = seen(&[500]);
        seen.push(Seen::default());
        let failed = |at| seen.iter().for_each(|one| one.statistics.failed(Fault::Failed, at));
        failed(NOW.less(Duration::from_secs(60)));
        assert_eq!(counts(0.0, &seen, false), [0, 1_000], "a minute later it is");
        failed(NOW);
        assert_eq!(counts(0.0, &seen, false), [1_000, 0]);
    }

    #[test]
    fn a_time_out_counts_as_a_thousand_seconds() {
        let seen = seen(&[500, 400]);
        seen[1].statistics.failed(Fault::TimedOut, NOW);
        assert_eq!(counts(0.0, &seen, false), [1_000, 0]);
    }
}
