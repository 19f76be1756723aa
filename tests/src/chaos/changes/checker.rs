//! What was answered, summed against the limit in force. It knows nothing of the code: leases by
//! their ids, windows by their ends.
//!
//! What may or may not have happened is counted in the way that accuses nobody: for a grant that
//! may be too much only what surely is charged, against the highest limit that may be in force; for
//! a denial that may be wrong the other way round.

use std::collections::BTreeMap;

use quota_api::{Amount, Ask, GivenBack, Lease, WindowKind};

use super::grant::{Charged, Grant, Span};
use super::limits::{Limits, Long};
use crate::{
    chaos::record::{plus, within},
    clock::MINUTE_MS,
};

/// So close to a minute's ends nobody can say from outside which window a denial was about, in ms;
/// a take-over may end a window late.
const EDGE_MS: u64 = 4_000;
/// The longest life of a lease here, in ms.
const LIFE_MS: u64 = 2_000;

/// The limit that is in force, if the deployment is there at all.
pub(super) type Limit = Option<Limits>;

/// All that was answered.
#[derive(Debug, Default)]
pub(super) struct Checker {
    books: BTreeMap<String, Book>,
    /// The rules that were broken, and how.
    pub(super) broken: Vec<String>,
}

/// Of one deployment.
#[derive(Debug)]
pub(super) struct Book {
    kind: WindowKind,
    /// Those that may be in force: one, unless a change was not answered.
    limits: Vec<Limit>,
    /// Since when a limit over its longer period is surely in force, in ms since 1970: all grants
    /// since then count.
    long_since_ms: Option<u64>,
    /// A window may have been lost, and counts as spent: nobody can say how much.
    is_doubted: bool,
    pub(super) grants: Vec<Grant>,
}

/// An ask, as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) deployment: String,
    pub(super) request: String,
    pub(super) tokens: Ask,
    pub(super) requests: Ask,
}

/// Why an ask was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 429: not enough is left.
    Exhausted,
    /// 429: not enough is left of a longer period.
    LongExhausted,
    /// 429: nobody vouches for the window.
    Quarantined,
    /// 422: more than the limit.
    NeverFits,
    /// 404.
    NoDeployment,
    /// Something else, which no rule of sums speaks about.
    Other,
}

impl Asked {
    fn min(&self) -> Amount {
        Amount { tokens: self.tokens.min, requests: self.requests.min }
    }

    fn want(&self) -> Amount {
        Amount { tokens: self.tokens.want, requests: self.requests.want }
    }
}

impl Checker {
    /// A deployment that is not there yet. `may_lose`: its books are where writes can be lost, so
    /// that what is charged to a longer period is known from below only.
    pub(super) fn know(&mut self, id: &str, kind: WindowKind, may_lose: bool) {
        let book = Book {
            kind,
            limits: vec![None],
            long_since_ms: None,
            is_doubted: may_lose,
            grants: Vec::new(),
        };
        self.books.insert(id.to_owned(), book);
    }

    pub(super) fn book(&mut self, id: &str) -> &mut Book {
        self.books.get_mut(id).expect("every deployment of a run was made known")
    }

    /// A change of the limit was acknowledged by now, or not answered.
    pub(super) fn change(&mut self, id: &str, limit: Limit, is_sure: bool, now_ms: u64) {
        let book = self.book(id);
        let per = |limit: &Limit| limit.and_then(|limit| limit.long).map(|long| long.per);
        let goes_on = book.limits.iter().all(|before| per(before) == per(&limit));
        if !goes_on {
            book.long_since_ms = None;
        }
        if is_sure {
            book.limits.clear();
            let from_now = per(&limit).map(|_| now_ms);
            book.long_since_ms = book.long_since_ms.or(from_now);
        }
        book.limits.push(limit);
    }

    pub(super) fn granted(&mut self, span: Span, asked: &Asked, lease: &Lease) {
        let broken = self.book(&asked.deployment).grant(span, asked, lease);
        let named = |what: String| format!("{}, {}: {what}", asked.deployment, asked.request);
        self.broken.extend(broken.into_iter().map(named));
    }

    pub(super) fn refused(&mut self, span: Span, asked: &Asked, refusal: Refusal) {
        let book = self.book(&asked.deployment);
        book.is_doubted |= refusal == Refusal::Quarantined;
        if let Some(what) = book.refuse(span, asked, refusal) {
            self.broken.push(format!("{}, {}: {what}", asked.deployment, asked.request));
        }
    }

    /// Nobody knows.
    pub(super) fn unanswered(&mut self, span: Span, asked: &Asked) {
        let grant = Grant::unanswered(&asked.request, span, asked.want(), LIFE_MS);
        let book = self.book(&asked.deployment);
        if !book.grants.iter().any(|one| one.request == grant.request) {
            book.grants.push(grant);
        }
    }

    /// What a holder told to have given back of a lease, and what was answered, if anything was.
    pub(super) fn given_back(
        &mut self,
        (deployment, request): (&str, &str),
        told: Amount,
        answer: Option<&GivenBack>,
    ) {
        let Some(grant) = self.book(deployment).grant_of(request) else { return };
        let [surely, perhaps] = &mut grant.back;
        match answer {
            Some(GivenBack { given_back, .. }) => {
                *surely = most(*surely, *given_back);
                *perhaps = most(*perhaps, *given_back);
            }
            None => *perhaps = most(*perhaps, told),
        }
        if !within(*perhaps, grant.amount) {
            let what = format!("R3: {perhaps:?} credited of {:?}", grant.amount);
            self.broken.push(format!("{deployment}, {request}: {what}"));
        }
    }

    /// Its holder says that it draws no more.
    pub(super) fn closed(&mut self, deployment: &str, request: &str) {
        let now_ms = crate::clock::unix_ms();
        if let Some(grant) = self.book(deployment).grant_of(request) {
            grant.close(now_ms);
        }
    }

    /// Real usage above a lease was reported, and was taken or may have been.
    pub(super) fn overrun(
        &mut self,
        (deployment, request): (&str, &str),
        told: Amount,
        is_sure: bool,
    ) {
        let book = self.book(deployment);
        let counts = is_sure && book.kind == WindowKind::Minute;
        let Some(grant) = book.grant_of(request) else { return };
        grant.overrun[1] = most(grant.overrun[1], told);
        if counts {
            grant.overrun[0] = most(grant.overrun[0], told);
        }
    }
}

impl Book {
    fn grant_of(&mut self, request: &str) -> Option<&mut Grant> {
        self.grants.iter_mut().rev().find(|grant| grant.request == request)
    }

    /// The lowest and the highest limit that may be in force; of a deployment that is not there
    /// nothing may be granted.
    pub(super) fn limits(&self) -> [Amount; 2] {
        let window = |limit: &Limit| limit.map_or(Amount::default(), |limit| limit.window);
        let known = || self.limits.iter().map(window);
        let least = |a: Amount, b: Amount| Amount {
            tokens: a.tokens.min(b.tokens),
            requests: a.requests.min(b.requests),
        };
        [known().reduce(least), known().reduce(most)].map(Option::unwrap_or_default)
    }

    /// The lowest and the highest limit over a longer period that may be in force; none where there
    /// may be none.
    fn long(&self) -> Option<[Long; 2]> {
        let known = || self.limits.iter().map(|limit| limit.and_then(|limit| limit.long));
        let all = known().collect::<Option<Vec<_>>>()?;
        let most = |long: &&Long| long.most;
        Some([*all.iter().min_by_key(most)?, *all.iter().max_by_key(most)?])
    }

    /// How many tokens one lease can hold of what is in force, at least; and how many are left, as
    /// far as anybody knows.
    pub(super) fn room(&self, span: Span) -> (u64, u64) {
        let limit = self.limits.iter().flatten().map(Limits::tokens).min().unwrap_or_default();
        let [window, _] = self.limits();
        let left = window.tokens.saturating_sub(self.charged(span).most.tokens);
        let left_of_long = self.long().map_or(u64::MAX, |[lowest, _]| {
            lowest.most.saturating_sub(self.grants.iter().map(|it| it.charge_for_long()[1]).sum())
        });
        (limit, left.min(left_of_long))
    }

    fn is_there(&self) -> bool {
        self.limits.iter().all(Option::is_some)
    }

    pub(super) fn is_missing(&self) -> bool {
        self.limits.iter().all(Option::is_none)
    }

    /// What an ask within this span would count with.
    pub(super) fn charged(&self, span: Span) -> Charged {
        self.charged_in(span, span.sent_ms / MINUTE_MS + 1)
    }

    fn charged_in(&self, span: Span, minute: u64) -> Charged {
        let mut charged = Charged::default();
        self.grants.iter().for_each(|grant| grant.charge(&mut charged, self.kind, span, minute));
        charged
    }

    fn grant(&mut self, span: Span, asked: &Asked, lease: &Lease) -> Vec<String> {
        let new = Grant::answered(&asked.request, span, lease);
        let mut broken = Vec::new();
        let amount = new.amount;
        if !within(asked.min(), amount) || !within(amount, asked.want()) {
            broken.push(format!("{amount:?} granted of {asked:?}"));
        }
        let before = self.grant_of(&asked.request).and_then(|grant| grant.lease.clone());
        if let Some(before) = before {
            if before != lease.lease_id {
                broken.push(format!("R5: the repeat got {} instead of {before}", lease.lease_id));
            }
            return broken;
        }
        let is_repeat = self.grant_of(&asked.request).is_some();
        self.grants.retain(|grant| grant.request != asked.request);
        self.grants.push(new);
        // Whether it was granted just now or by an older limit, before the question was repeated,
        // nobody knows.
        if !is_repeat {
            broken.extend(self.judge(span, lease));
        }
        broken
    }

    /// After a grant, which is among them already.
    fn judge(&self, span: Span, lease: &Lease) -> Option<String> {
        let minute = self.grants.last().map_or(0, |grant| grant.minutes[0]);
        let charged = self.charged_in(span, minute);
        let [lowest, highest] = self.limits();
        let Charged { least, least_outstanding, most_outstanding, .. } = charged;
        if !within(least, highest) {
            return Some(format!("R1: makes {least:?} of {highest:?}: {lease:?}"));
        }
        if let (Some([_, highest]), Some(since_ms)) = (self.long(), self.long_since_ms) {
            let since_ms = since_ms.max(highest.per.since_ms(span.came_ms));
            let counted = self.grants.iter().filter(|grant| grant.asked_ms >= since_ms);
            let least: u64 = counted.map(|grant| grant.charge_for_long()[0]).sum();
            if least > highest.most {
                return Some(format!("R1: makes {least} tokens of {highest:?}: {lease:?}"));
            }
        }
        let usage = lease.usage;
        let said =
            Amount { tokens: usage.tokens.outstanding, requests: usage.requests.outstanding };
        if !within(least_outstanding, said) || !within(said, most_outstanding) {
            let bounds = format!("{least_outstanding:?} to {most_outstanding:?}");
            return Some(format!("R4: the book says {said:?} are outstanding, but it is {bounds}"));
        }
        let limit = usage.tokens.limit.unwrap_or_default();
        if !(lowest.tokens..=highest.tokens).contains(&limit) {
            return Some(format!(
                "R8: by limit {limit}, but {lowest:?} to {highest:?} is in force"
            ));
        }
        None
    }

    fn refuse(&self, span: Span, asked: &Asked, refusal: Refusal) -> Option<String> {
        let [lowest, _] = self.limits();
        let is_there = self.is_there();
        match refusal {
            Refusal::NoDeployment if is_there => Some("it is there, but is not found".to_owned()),
            Refusal::NeverFits if is_there && within(asked.min(), lowest) => {
                let long = self.limits.iter().flatten().filter_map(|limit| limit.long);
                let fits = long.into_iter().all(|long| asked.min().tokens <= long.most);
                fits.then(|| format!("R8: never fits, but {:?} is in force", self.limits))
            }
            Refusal::LongExhausted if is_there && !self.is_doubted => {
                let may_be = self.limits.iter().flatten().filter_map(|limit| limit.long);
                let most: u64 = self.grants.iter().map(|grant| grant.charge_for_long()[1]).sum();
                let sum = most + asked.min().tokens;
                let is_wrong =
                    may_be.map(|long| long.most).min().is_none_or(|lowest| sum <= lowest);
                is_wrong.then(|| {
                    format!("denied, but {most} of {:?} are charged: {asked:?}", self.limits)
                })
            }
            Refusal::Exhausted if is_there && !is_at_edge(self.kind, span) => {
                let most = self.charged(span).most;
                let sum = plus(most, asked.min());
                let is_wrong = within(sum, lowest);
                is_wrong
                    .then(|| format!("denied, but {most:?} of {lowest:?} is charged: {asked:?}"))
            }
            _ => None,
        }
    }
}

fn is_at_edge(kind: WindowKind, span: Span) -> bool {
    let at = |ms: u64| ms % MINUTE_MS;
    let is_inside = at(span.sent_ms) >= EDGE_MS && at(span.came_ms) <= MINUTE_MS - EDGE_MS;
    let is_one_minute = span.sent_ms / MINUTE_MS == span.came_ms / MINUTE_MS;
    kind == WindowKind::Minute && !(is_inside && is_one_minute)
}

fn most(a: Amount, b: Amount) -> Amount {
    Amount { tokens: a.tokens.max(b.tokens), requests: a.requests.max(b.requests) }
}

#[cfg(test)]
mod tests;
