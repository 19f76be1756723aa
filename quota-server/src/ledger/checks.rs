//! Books that do not add up, found while they are used. There must be none: the rules are kept by
//! how books are made, and this is the alarm in case they are not.
//!
//! Whatever ledger there is, each new grant is looked at on its way out (R1), and each page of a
//! book that is shown or stored. A journaled ledger also audits its books in memory, some leases of
//! them each beat.

use std::fmt::Display;
use std::sync::Arc;

use quota_core::{BookPage, Imbalance, Standing};
use rustc_hash::FxHashSet;

use crate::metrics;

/// After a new grant what is outstanding is within the limit.
pub fn grant(deployment: &str, standing: &Standing) {
    let (limit, outstanding) = (standing.limit, standing.outstanding);
    if !outstanding.fits(limit.ceiling()) {
        metrics::invariant_violated();
        tracing::error!(deployment, ?limit, ?outstanding, "a grant above the limit");
    }
}

/// Books that are looked at again and again: each window of one that does not add up is told of
/// once.
#[derive(Debug, Default)]
pub struct Told(FxHashSet<(Arc<str>, u64)>);

/// So many are remembered before all are forgotten.
const REMEMBERED: usize = 10_000;

impl Told {
    /// A page is shown.
    pub fn page(&mut self, deployment: &Arc<str>, page: &BookPage) {
        if !page.adds_up() && self.is_new(deployment, page.window) {
            self::page(deployment, page);
        }
    }

    /// A sum of a book in memory is not the sum of its parts.
    pub fn book(&mut self, deployment: &Arc<str>, imbalance: &Imbalance) {
        // 0: the last 60 s of a rolling one.
        let window = if let Imbalance::SumsDiffer(window) = imbalance { *window } else { 0 };
        if self.is_new(deployment, window) {
            metrics::invariant_violated();
            tracing::error!(deployment = &**deployment, %imbalance, "a book does not add up");
        }
    }

    fn is_new(&mut self, deployment: &Arc<str>, window: u64) -> bool {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert((Arc::clone(deployment), window))
    }
}

/// What a window granted is given back, used, held or burnt.
pub fn page(deployment: &str, page: &BookPage) {
    if !page.adds_up() {
        metrics::invariant_violated();
        tracing::error!(deployment, ?page, "the book of a window does not add up");
    }
}

/// A book in Redis answers in numbers that no book has: some of its sums contradict each other.
/// Another build is no reason, since each has its own functions.
pub fn unreadable(deployment: &str, why: &impl Display) {
    metrics::invariant_violated();
    tracing::error!(deployment, %why, "a book does not add up: its answer is not understood");
}

#[cfg(test)]
mod tests {
    use quota_core::{Amount, Limit, State, WindowKind};

    use super::*;

    fn violations(act: impl FnOnce()) -> bool {
        let recorder = metrics::exposition().unwrap().build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            metrics::describe();
            act();
        });
        recorder.handle().render().contains("quota_invariant_violations_total 1")
    }

    fn standing(outstanding: u64) -> Standing {
        Standing {
            kind: WindowKind::Minute,
            limit: Limit::new(Some(500), None),
            outstanding: Amount::new(outstanding, 7),
            overrun: Amount::ZERO,
            state: State::Ok,
        }
    }

    fn burnt(burnt: u64) -> BookPage {
        BookPage {
            window: 3,
            minute: 7,
            kind: WindowKind::Minute,
            limit: Limit::new(Some(500), None),
            granted: Amount::new(100, 4),
            given_back: Amount::new(30, 1),
            used: Amount::new(40, 2),
            held: Amount::new(10, 1),
            burnt: Amount::new(burnt, 0),
            overrun: Amount::ZERO,
            denied: Amount::ZERO,
            over: true,
        }
    }

    #[test]
    fn a_grant_above_the_limit_is_counted() {
        assert!(!violations(|| grant("m", &standing(500))));
        assert!(violations(|| grant("m", &standing(501))));
    }

    #[test]
    fn a_page_that_is_shown_again_is_counted_once() {
        assert!(violations(|| {
            let mut shown = Told::default();
            shown.page(&"m".into(), &burnt(19));
            shown.page(&"m".into(), &burnt(18));
        }));
    }

    #[test]
    fn a_sum_that_is_off_is_counted_once_a_window() {
        assert!(violations(|| {
            let mut told = Told::default();
            (0..9).for_each(|_| told.book(&"m".into(), &Imbalance::SumsDiffer(3)));
        }));
        assert!(!violations(|| {
            let mut told = Told::default();
            (3..5).for_each(|window| told.book(&"m".into(), &Imbalance::SumsDiffer(window)));
        }));
    }

    #[test]
    fn a_page_that_does_not_add_up_is_counted() {
        assert!(!violations(|| page("m", &burnt(20))));
        assert!(violations(|| page("m", &burnt(19))));
        assert!(violations(|| page("m", &burnt(21))));
    }
}
