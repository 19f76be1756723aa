//! When what is being denied is asked for again: at the same moments for all deployments of a
//! client, so that one message carries it all, and at other moments in other clients.

use std::time::Duration;

use crate::Moment;

/// A limit that is raised is seen after so long at most, and an answer's time. While draws are
/// denied, a client sends one message in it, however many draws and deployments there are.
pub(crate) const PROBE: Duration = Duration::from_millis(1_500);

#[derive(Debug, Default)]
pub(super) struct Probes {
    /// How long after each multiple of [`PROBE`]; none until it is chosen.
    phase: Option<Duration>,
}

impl Probes {
    /// Chooses the moments, once. `jitter` is a random number of thousandths.
    pub(super) fn spread(&mut self, jitter: u16) {
        self.phase.get_or_insert(PROBE * u32::from(jitter.min(999)) / 1_000);
    }

    /// The first of the moments after `now`.
    pub(super) fn next(&self, now: Moment) -> Moment {
        let phase = self.phase.unwrap_or_default();
        let since = now.less(phase).since(Moment::START);
        let rounds = u64::try_from(since.as_nanos() / PROBE.as_nanos()).unwrap_or(u64::MAX);
        let nanos = u64::try_from(PROBE.as_nanos()).unwrap_or(u64::MAX);
        Moment::from_nanos(rounds.saturating_add(1).saturating_mul(nanos)) + phase
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::START + Duration::from_millis(ms)
    }

    #[test]
    fn they_are_the_same_whenever_one_asks() {
        let mut probes = Probes::default();
        assert_eq!(probes.next(at(0)), at(1_500));
        probes.spread(500);
        probes.spread(100);
        for (now, next) in [(10_000, 11_250), (11_249, 11_250), (11_250, 12_750), (0, 2_250)] {
            assert_eq!(probes.next(at(now)), at(next), "{now}");
        }
        assert_eq!(probes.next(Moment::NEVER), Moment::NEVER);
    }
}
