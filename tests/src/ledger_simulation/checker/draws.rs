//! What gateways draw, against the leases that they were told of, and against the limits.
//!
//! What was drawn and came back unused counts for nothing: it may be drawn again.

use std::collections::BTreeMap;

use quota_core::{Amount, WindowKind};
use quota_server::ledger::LeaseRef;
use tokio::time::{Duration, Instant};

use super::rules::{PERIOD, Rule};
use super::{Checker, Setting};

/// Leases may have been granted by a limit that was in force so long before they are drawn from:
/// asked for ahead, and long under way.
const BEFORE: Duration = Duration::from_secs(10);

/// The longer period of limits, seconds: longer than most runs, so all that is drawn in one counts.
pub(crate) const SPAN_SECS: u32 = 600;

/// What gateways drew.
#[derive(Debug, Default)]
pub(super) struct Draws(Vec<Draw>);

#[derive(Debug, Clone, Copy)]
struct Draw {
    at: Instant,
    deployment: usize,
    lease: Option<LeaseRef>,
    /// Drawn, and not known to be unused.
    tokens: u64,
}

impl Draws {
    /// What was drawn of a lease. Each draw is of one request, which is not given back.
    fn of(&self, lease: Option<LeaseRef>) -> Amount {
        let of_it = self.0.iter().filter(|draw| draw.lease == lease);
        of_it.fold(Amount::ZERO, |sum, draw| sum.saturating_add(Amount::new(draw.tokens, 1)))
    }
}

impl Checker {
    /// A gateway draws, and is given a number for it: out of a lease of its own, in the lease's
    /// life, and no more than it holds.
    pub(crate) fn drew(
        &mut self,
        holder: usize,
        deployment: usize,
        lease: Option<LeaseRef>,
        tokens: u64,
    ) -> usize {
        let at = Instant::now();
        self.draws_of_gateways.0.push(Draw { at, deployment, lease, tokens });
        let known = lease.and_then(|lease| self.leases.get(&lease));
        let known = known.filter(|known| (known.ask.0, known.deployment) == (holder, deployment));
        let is_in_hand = known.is_some_and(|known| (known.starts..known.ends).contains(&at));
        let held = known.map_or(Amount::ZERO, |known| known.amount.saturating_sub(known.returned));
        let drawn = self.draws_of_gateways.of(lease);
        self.expect(Rule::DrawsWithinLease, is_in_hand && drawn.fits(held), || {
            let lease = lease.map(|lease| lease.to_string());
            format!(
                "holder {holder} has drawn {drawn:?} of {held:?}, {lease:?}, in hand: {is_in_hand}"
            )
        });
        self.draws_of_gateways.0.len() - 1
    }

    /// So much of a draw was used.
    pub(crate) fn settled(&mut self, draw: usize, used: u64) {
        let draw = &mut self.draws_of_gateways.0[draw];
        draw.tokens = draw.tokens.min(used);
    }

    /// At the end: what was drawn while a window was open, and in any 60 s, is within what the
    /// limits were.
    pub(crate) fn judge_draws(&mut self) {
        let mut by_deployment = BTreeMap::<usize, Vec<Draw>>::new();
        for draw in std::mem::take(&mut self.draws_of_gateways.0) {
            by_deployment.entry(draw.deployment).or_default().push(draw);
        }
        for (deployment, draws) in by_deployment {
            self.judge_minutes(deployment, &draws);
            self.judge_rolling(deployment, &draws);
            self.judge_span(deployment, &draws);
        }
    }

    /// A window that a machine's start left open goes on into the minute that leases of the next
    /// one were granted ahead for: what is drawn of these is of that minute, and
    /// [`Rule::MinuteWithinLimit`] is told of both.
    fn judge_minutes(&mut self, deployment: usize, draws: &[Draw]) {
        for (window, (first, last)) in self.open.clone() {
            if last < first {
                continue;
            }
            let Some(most) = self.most(deployment, WindowKind::Minute, first, last) else {
                continue;
            };
            let is_left_open = self.reboots.iter().any(|start| (first..=last).contains(start));
            let is_of_it = |draw: &Draw| draw.lease.is_some_and(|of| of.lease.window == window);
            let drawn = draws.iter().filter(|draw| (first..=last).contains(&draw.at));
            let drawn = drawn.filter(|draw| !is_left_open || is_of_it(draw));
            let sum: u64 = drawn.map(|draw| draw.tokens).sum();
            self.expect(Rule::DrawsWithinLimit, sum <= most, || {
                format!("{sum} tokens of deployment {deployment} in window {window} out of {most}")
            });
        }
    }

    fn judge_rolling(&mut self, deployment: usize, draws: &[Draw]) {
        for (number, last) in draws.iter().enumerate() {
            let from = last.at.checked_sub(PERIOD).unwrap_or(self.began);
            let Some(most) = self.most(deployment, WindowKind::Rolling, from, last.at) else {
                continue;
            };
            let drawn = draws[..=number].iter().filter(|draw| draw.at > from);
            let sum: u64 = drawn.map(|draw| draw.tokens).sum();
            self.expect(Rule::DrawsWithinLimit, sum <= most, || {
                format!("{sum} tokens of deployment {deployment} in 60 s out of {most}")
            });
        }
    }

    /// Only what was drawn while there surely was a limit over the longer period is counted.
    fn judge_span(&mut self, deployment: usize, draws: &[Draw]) {
        let span = Duration::from_secs(SPAN_SECS.into());
        for (number, last) in draws.iter().enumerate() {
            let began = last.at.checked_sub(span).unwrap_or(self.began).max(self.began);
            let settings = self.settings(deployment, began, last.at);
            let limits = settings.iter().map(|setting| setting.most_in_span);
            let Some(most) = limits.collect::<Option<Vec<_>>>().and_then(|of| of.into_iter().max())
            else {
                continue;
            };
            let drawn = draws[..=number].iter().filter(|draw| draw.at > began);
            let sum: u64 = drawn.map(|draw| draw.tokens).sum();
            self.expect(Rule::SpanWithinLimit, sum <= most, || {
                format!("{sum} tokens of deployment {deployment} in {SPAN_SECS} s out of {most}")
            });
        }
    }

    /// All that may have been put between these.
    fn settings(&self, deployment: usize, from: Instant, to: Instant) -> Vec<Setting> {
        let from = from.checked_sub(BEFORE).map_or(self.began, |from| from.max(self.began));
        let limits = self.limits.get(&deployment);
        let settings = limits.map(|limits| limits.between(from, to)).unwrap_or_default();
        settings.into_iter().flatten().collect()
    }

    /// The largest limit that may have been in force between these, if all that may have been are
    /// of this kind.
    fn most(&self, deployment: usize, kind: WindowKind, from: Instant, to: Instant) -> Option<u64> {
        let settings = self.settings(deployment, from, to);
        let is_known = settings.iter().all(|setting| setting.kind == kind);
        let limits = settings.iter().map(|setting| setting.limit.ceiling().tokens());
        limits.max().filter(|_| is_known)
    }
}
