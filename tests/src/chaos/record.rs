//! What was really drawn and when, written down by those who drew. Where there is an upstream, what
//! was drawn goes there too, and its audit is another witness.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use quota_api::Amount;

use super::provider::Provider;
use crate::clock::MINUTE_MS;

/// One permit, as it was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent {
    /// The wall clock before the draw, and after it.
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    /// What of the permit's reservation its request used.
    pub(super) amount: Amount,
}

/// Everything that was drawn from one deployment, by all holders.
#[derive(Debug, Default)]
pub(super) struct Record {
    all: Mutex<Vec<Spent>>,
    provider: Option<Provider>,
}

impl Record {
    /// Of a deployment that is this provider's.
    pub(super) fn of(provider: Provider) -> Self {
        Self { all: Mutex::default(), provider: Some(provider) }
    }

    /// Writes down what was drawn, and uses it.
    pub(super) async fn spend(&self, spent: Spent) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(spent);
        if let Some(provider) = self.provider.as_ref().filter(|_| spent.amount.requests > 0) {
            provider.send(spent.amount.tokens).await;
        }
    }

    pub(super) fn all(&self) -> Vec<Spent> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// By wall-clock minute. A draw of which one cannot say in which minute it was is in none.
pub(super) fn by_minute(spent: &[Spent]) -> BTreeMap<u64, Amount> {
    let mut minutes = BTreeMap::new();
    for one in spent.iter().filter(|one| one.from_ms / MINUTE_MS == one.to_ms / MINUTE_MS) {
        let sum: &mut Amount = minutes.entry(one.from_ms / MINUTE_MS).or_default();
        *sum = plus(*sum, one.amount);
    }
    minutes
}

pub(super) fn total(spent: &[Spent]) -> Amount {
    spent.iter().fold(Amount::default(), |sum, one| plus(sum, one.amount))
}

pub(super) fn plus(a: Amount, b: Amount) -> Amount {
    Amount { tokens: a.tokens + b.tokens, requests: a.requests + b.requests }
}

/// Whether this is no more than that, in both units.
pub(super) fn within(amount: Amount, limit: Amount) -> bool {
    amount.tokens <= limit.tokens && amount.requests <= limit.requests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(from_ms: u64, to_ms: u64, tokens: u64) -> Spent {
        Spent { from_ms, to_ms, amount: Amount { tokens, requests: 1 } }
    }

    #[test]
    fn a_draw_across_the_minute_s_end_is_in_neither() {
        let all = [spent(59_990, 59_999, 1), spent(59_999, 60_000, 2), spent(60_000, 60_001, 4)];
        let minutes: Vec<_> = by_minute(&all).into_iter().map(|(m, a)| (m, a.tokens)).collect();
        assert_eq!(minutes, [(0, 1), (1, 4)]);
        assert_eq!(total(&all).tokens, 7);
    }
}
