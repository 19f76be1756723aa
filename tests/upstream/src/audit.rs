//! What reached the upstream, and when.
//!
//! Tokens count at their request's *arrival*, in two columns: what was reserved (input plus all of
//! the output that was allowed), and what was really used and billed.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::clock::MINUTE_MS;

/// For how long arrivals are kept.
const KEPT_MS: u64 = 60 * MINUTE_MS;

/// One request that reached the upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// When its body was complete, by the upstream's wall clock.
    pub at_unix_ms: u64,
    /// The key that it came with: that of the gateway's deployment.
    pub key: String,
    /// Tokens of its input.
    pub input_tokens: u64,
    /// Input plus all of the output that it allowed.
    pub reserved_tokens: u64,
    /// What is billed for it.
    pub used_tokens: u64,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is answered.
    Served,
    /// It was refused by the upstream's own limits.
    Refused,
    /// It fails, as the error rate wants.
    Failed,
}

/// Arrivals, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All that arrived.
    pub requests: u64,
    /// Of them, those that the upstream's own limits refused.
    pub refused: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// Tokens of the input.
    pub input_tokens: u64,
    /// Input plus allowed output.
    pub reserved_tokens: u64,
    /// What is billed.
    pub used_tokens: u64,
}

/// The audit of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAudit {
    /// All that arrived.
    pub total: Tally,
    /// By wall-clock minute, counted since 1970.
    pub minutes: BTreeMap<u64, Tally>,
    /// The most that any interval of 60 s holds, each column for itself.
    pub rolling_60s_max: Tally,
}

/// The answer to `GET /audit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Over all keys.
    pub all: KeyAudit,
    /// By the bearer key that the requests came with.
    pub keys: BTreeMap<String, KeyAudit>,
}

/// The arrivals of the last hour, in the order in which they came.
#[derive(Debug, Default)]
pub struct Audit {
    arrivals: VecDeque<Arrival>,
}

impl Audit {
    /// Writes down an arrival.
    pub fn record(&mut self, arrival: Arrival) {
        let oldest = arrival.at_unix_ms.saturating_sub(KEPT_MS);
        while self.arrivals.front().is_some_and(|first| first.at_unix_ms < oldest) {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(arrival);
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.arrivals.clear();
    }

    /// What was accepted from this key in this minute.
    #[must_use]
    pub fn accepted(&self, key: &str, minute: u64) -> Tally {
        let recent = self.arrivals.iter().rev();
        let in_minute = recent.take_while(|arrival| arrival.at_unix_ms / MINUTE_MS >= minute);
        Tally::of(in_minute.filter(|arrival| arrival.key == key && arrival.fate != Fate::Refused))
    }

    /// The arrivals themselves.
    pub fn arrivals(&self) -> impl Iterator<Item = &Arrival> {
        self.arrivals.iter()
    }

    /// The arrivals, added up.
    #[must_use]
    pub fn report(&self) -> AuditReport {
        let mut by_key: BTreeMap<&str, Vec<&Arrival>> = BTreeMap::new();
        for arrival in &self.arrivals {
            by_key.entry(&arrival.key).or_default().push(arrival);
        }
        AuditReport {
            all: KeyAudit::of(&self.arrivals.iter().collect::<Vec<_>>()),
            keys: by_key
                .into_iter()
                .map(|(key, all)| (key.to_owned(), KeyAudit::of(&all)))
                .collect(),
        }
    }
}

impl KeyAudit {
    fn of(arrivals: &[&Arrival]) -> Self {
        let mut minutes: BTreeMap<u64, Tally> = BTreeMap::new();
        for arrival in arrivals {
            minutes.entry(arrival.at_unix_ms / MINUTE_MS).or_default().add(arrival);
        }
        Self {
            total: Tally::of(arrivals.iter().copied()),
            minutes,
            rolling_60s_max: fullest_60_s(arrivals),
        }
    }
}

/// The fullest interval ends with an arrival, so it is enough to look back from each of them.
fn fullest_60_s(arrivals: &[&Arrival]) -> Tally {
    let (mut sum, mut max, mut first) = (Tally::default(), Tally::default(), 0);
    for arrival in arrivals {
        sum.add(arrival);
        while arrivals[first].at_unix_ms + MINUTE_MS <= arrival.at_unix_ms {
            sum.remove(arrivals[first]);
            first += 1;
        }
        max = max.max(sum);
    }
    max
}

impl Tally {
    fn of<'a>(arrivals: impl IntoIterator<Item = &'a Arrival>) -> Self {
        let mut tally = Self::default();
        arrivals.into_iter().for_each(|arrival| tally.add(arrival));
        tally
    }

    fn single(arrival: &Arrival) -> Self {
        Self {
            requests: 1,
            refused: u64::from(arrival.fate == Fate::Refused),
            failed: u64::from(arrival.fate == Fate::Failed),
            input_tokens: arrival.input_tokens,
            reserved_tokens: arrival.reserved_tokens,
            used_tokens: arrival.used_tokens,
        }
    }

    fn add(&mut self, arrival: &Arrival) {
        *self = self.zip(Self::single(arrival), u64::saturating_add);
    }

    fn remove(&mut self, arrival: &Arrival) {
        *self = self.zip(Self::single(arrival), u64::saturating_sub);
    }

    fn max(self, other: Self) -> Self {
        self.zip(other, u64::max)
    }

    fn zip(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            requests: join(self.requests, other.requests),
            refused: join(self.refused, other.refused),
            failed: join(self.failed, other.failed),
            input_tokens: join(self.input_tokens, other.input_tokens),
            reserved_tokens: join(self.reserved_tokens, other.reserved_tokens),
            used_tokens: join(self.used_tokens, other.used_tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(at_unix_ms: u64, key: &str, tokens: u64) -> Arrival {
        Arrival {
            at_unix_ms,
            key: key.to_owned(),
            input_tokens: tokens,
            reserved_tokens: tokens + 1,
            used_tokens: tokens,
            fate: Fate::Served,
        }
    }

    fn audit(arrivals: &[(u64, &str, u64)]) -> Audit {
        let mut audit = Audit::default();
        for &(at, key, tokens) in arrivals {
            audit.record(arrival(at, key, tokens));
        }
        audit
    }

    #[test]
    fn minutes_are_those_of_the_wall_clock() {
        let report = audit(&[(59_999, "a", 1), (60_000, "a", 2), (119_999, "a", 4)]).report();
        let tokens: Vec<_> =
            report.keys["a"].minutes.iter().map(|(m, t)| (*m, t.used_tokens)).collect();
        assert_eq!(tokens, [(0, 1), (1, 6)]);
    }

    #[test]
    fn any_60_s_is_an_interval_open_at_its_end() {
        let spread = [(0, "a", 10), (30_000, "a", 20), (59_999, "a", 40), (60_000, "a", 80)];
        let report = audit(&spread).report();
        assert_eq!(report.all.rolling_60s_max.used_tokens, 20 + 40 + 80);
        assert_eq!(report.all.rolling_60s_max.requests, 3);
    }

    #[test]
    fn keys_are_apart() {
        let report = audit(&[(0, "a", 10), (1, "b", 5)]).report();
        assert_eq!(report.keys["a"].total.used_tokens, 10);
        assert_eq!(report.keys["b"].total.reserved_tokens, 6);
        assert_eq!(report.all.total.requests, 2);
    }

    #[test]
    fn arrivals_of_more_than_an_hour_ago_are_forgotten() {
        let report = audit(&[(0, "a", 10), (KEPT_MS, "a", 5), (KEPT_MS + 1, "a", 1)]).report();
        assert_eq!(report.all.total.used_tokens, 6);
    }

    #[test]
    fn what_was_refused_does_not_count_as_accepted() {
        let mut audit = audit(&[(10, "a", 10), (60_000, "a", 3)]);
        audit.record(Arrival { fate: Fate::Refused, ..arrival(60_001, "a", 7) });
        assert_eq!(audit.accepted("a", 1).used_tokens, 3);
        assert_eq!(audit.report().keys["a"].minutes[&1].refused, 1);
    }
}
