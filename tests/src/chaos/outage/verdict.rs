use std::fmt;

use quota_api::{Amount, WindowKind};
use upstream::AuditReport;

use super::{blow::Blow, probe::Probe, run::HOLDERS};
use crate::chaos::{
    holder::AT_ONCE,
    journal::Witness,
    record::{Spent, by_minute, within},
    rolling::fullest_60_s,
    verdict::uncovered,
};

/// What was seen in one run.
#[derive(Debug, Clone)]
pub struct OutageVerdict {
    /// The run's seed.
    pub seed: u64,
    /// What befell the store or the servers.
    pub blow: Blow,
    /// The longest time without a grant around the blow, in ms.
    pub gap_ms: u64,
    /// The longest time without any answer: the rest of it was quarantine, in ms.
    pub silence_ms: u64,
    /// Draws that were made.
    pub draws: u64,
    /// The rules that were broken, and how. None: the run is clean.
    pub broken: Vec<String>,
}

impl OutageVerdict {
    pub(super) fn new(seed: u64, blow: Blow) -> Self {
        Self { seed, blow, gap_ms: 0, silence_ms: 0, draws: 0, broken: Vec::new() }
    }

    pub(super) fn judge_probe(&mut self, probe: &Probe, at_unix_ms: u64, is_back: bool) {
        self.gap_ms = probe.longest_gap_since(at_unix_ms);
        self.silence_ms = probe.longest_silence_since(at_unix_ms);
        if !is_back {
            self.broken.push("R7: grants did not come back when they should".to_owned());
        }
    }

    pub(super) fn judge(&mut self, name: &str, kind: WindowKind, limit: Amount, spent: &[Spent]) {
        self.draws += spent.len() as u64;
        let intervals = match kind {
            WindowKind::Minute => by_minute(spent).into_iter().collect(),
            WindowKind::Rolling => vec![(0, fullest_60_s(spent))],
        };
        for (minute, drawn) in intervals {
            if !within(drawn, limit) {
                self.broken.push(format!("R2: {name}: {drawn:?} of {limit:?} drawn in {minute}"));
            }
        }
    }
}

impl OutageVerdict {
    /// What reached the upstream. Requests are under way for a while, so only a minute's end, where
    /// none is sent, parts what reached it in one window from what did in the next.
    pub(super) fn judge_audit(
        &mut self,
        name: &str,
        kind: WindowKind,
        limit: Amount,
        spent: &[Spent],
        audit: &AuditReport,
    ) {
        let audit = audit.keys.get(name).cloned().unwrap_or_default();
        let sent = spent.iter().map(|one| one.amount.requests).sum::<u64>();
        // Those under way at the end were cut off.
        if audit.total.requests + HOLDERS * AT_ONCE < sent {
            let arrived = audit.total.requests;
            self.broken.push(format!("{name}: {arrived} of {sent} requests reached the upstream"));
        }
        if kind == WindowKind::Rolling {
            return;
        }
        for (minute, tally) in audit.minutes {
            let used = Amount { tokens: tally.used_tokens, requests: tally.requests };
            if !within(used, limit) {
                self.broken.push(format!("R2: {name}: {used:?} of {limit:?} arrived in {minute}"));
            }
        }
    }

    /// PostgreSQL's journal can be heard too.
    pub(super) fn judge_journal(
        &mut self,
        name: &str,
        kind: WindowKind,
        spent: &[Spent],
        witness: &Witness,
    ) {
        let Some(book) = witness.books.get(name) else {
            return self.broken.push(format!("{name}: the journal does not know it"));
        };
        self.broken.extend(book.broken.iter().map(|broken| format!("{name}: {broken}")));
        self.broken.extend(uncovered(name, kind, spent, book));
    }
}

impl fmt::Display for OutageVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, blow, gap_ms, silence_ms, draws, broken } = self;
        write!(f, "seed {seed}: {blow:?}: {draws} draws, {gap_ms} ms without grants, ")?;
        write!(f, "{silence_ms} ms without any answer: ")?;
        match broken.as_slice() {
            [] => write!(f, "clean"),
            broken => write!(f, "BROKEN\n  {}", broken.join("\n  ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use upstream::{KeyAudit, Tally};

    const LIMIT: Amount = Amount { tokens: 100, requests: 50 };

    fn judged(kind: WindowKind, arrived: [(u64, u64); 2], drawn: u64) -> Vec<String> {
        let tally =
            |(tokens, requests)| Tally { used_tokens: tokens, requests, ..Tally::default() };
        let [first, second] = arrived.map(tally);
        let total = tally((0, first.requests + second.requests));
        let minutes = [(7, first), (8, second)].into();
        let audit = KeyAudit { total, minutes, ..KeyAudit::default() };
        let audit = AuditReport { keys: [("d".to_owned(), audit)].into(), ..Default::default() };
        let one = Spent { from_ms: 0, to_ms: 0, amount: Amount { tokens: 1, requests: 1 } };
        let spent = vec![one; usize::try_from(drawn).unwrap()];
        let mut verdict = OutageVerdict::new(1, Blow::FailedOver);
        verdict.judge_audit("d", kind, LIMIT, &spent, &audit);
        verdict.broken
    }

    #[test]
    fn the_audit_holds_each_minute_against_the_limit() {
        let minute = WindowKind::Minute;
        assert!(judged(minute, [(100, 50), (100, 50)], 100).is_empty());
        let [over] = &judged(minute, [(100, 50), (101, 50)], 100)[..] else { panic!("one minute") };
        assert!(over.starts_with("R2: d:") && over.ends_with("arrived in 8"), "{over}");
        assert_eq!(judged(minute, [(100, 51), (101, 50)], 101).len(), 2);
        assert!(judged(WindowKind::Rolling, [(100, 51), (101, 50)], 101).is_empty());
    }

    #[test]
    fn what_did_not_arrive_is_a_fault_of_the_run() {
        let under_way = HOLDERS * AT_ONCE;
        assert!(judged(WindowKind::Rolling, [(1, 1), (1, 1)], 2 + under_way).is_empty());
        let [missed] = &judged(WindowKind::Rolling, [(1, 1), (1, 1)], 3 + under_way)[..] else {
            panic!("nothing was missed");
        };
        assert!(missed.contains("reached the upstream"), "{missed}");
    }
}
