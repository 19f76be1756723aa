//! Books that do not add up, found while they are used. There must be none: the rules are kept by how books
//! are made, and this is the alarm in case they are not.
//!
//! Whatever ledger there is, each new grant is looked at on its way out (R1), and each page of a book
//! that is shown or stored. A journaled ledger also audits its books in memory, some leases of them each beat.

use std::fmt::Display;
use std::sync::Arc;

use quota_core::{Book, BookPage, Standing};
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

/// Pages that are shown again and again: each that does not add up is told of once.
#[derive(Debug, Default)]
pub struct Shown(FxHashSet<(Arc<str>, u64)>);

/// So many are remembered before all are forgotten.
const REMEMBERED: usize = 10_000;

impl Shown {
    /// A page is shown.
    pub fn page(&mut self, deployment: &Arc<str>, page: &BookPage) {
        if page.adds_up() {
            return;
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        if self.0.insert((Arc::clone(deployment), page.window)) {
            self::page(deployment, page);
        }
    }
}

/// What a window granted is given back, used, held or burnt.
pub fn page(deployment: &str, page: &BookPage) {
    if !page.adds_up() {
        metrics::invariant_violated();
        tracing::error!(deployment, ?page, "the book of a window does not add up");
    }
}

/// A book in Redis answers in numbers that no book has: some of its sums contradict each other. Another build is no
/// reason, since each has its own functions.
pub fn unreadable(deployment: &str, why: &impl Display) {
    metrics::invariant_violated();
    tracing::error!(deployment, %why, "a book does not add up: its answer is not understood");
}

/// Every sum of a book in memory is the sum of its parts, of which this looks at the next `most`. How many it looked
/// at, and whether these were the last; `None`: a sum is another.
pub fn book(deployment: &str, book: &mut Book, most: usize) -> Option<(usize, bool)> {
    let looked_at = book.audit_some(most);
    if let Err(imbalance) = &looked_at {
        metrics::invariant_violated();
        tracing::error!(deployment, %imbalance, "a book does not add up");
    }
    looked_at.ok()
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
            limit: Limit { tokens: Some(500), requests: None },
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
            limit: Limit { tokens: Some(500), requests: None },
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
            let mut shown = Shown::default();
            shown.page(&"m".into(), &burnt(19));
            shown.page(&"m".into(), &burnt(18));
        }));
    }

    #[test]
    fn a_page_that_does_not_add_up_is_counted() {
        assert!(!violations(|| page("m", &burnt(20))));
        assert!(violations(|| page("m", &burnt(19))));
        assert!(violations(|| page("m", &burnt(21))));
    }
}
