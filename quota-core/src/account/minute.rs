//! What each aligned minute holds. A lease is charged to the window that it is of, whenever it is
//! drawn from, and nothing of it counts in another.

use std::collections::VecDeque;

use super::Charged;
use crate::Amount;

/// The charges of the windows that are kept and in which something was granted, oldest first: they
/// are few.
#[derive(Debug, Clone, Default)]
pub(crate) struct Minutes(VecDeque<(u64, Charged)>);

impl Minutes {
    pub(super) fn charged(&self, window: u64) -> Charged {
        let known = self.0.iter().rev().find(|(known, _)| *known == window);
        known.map(|(_, charged)| *charged).unwrap_or_default()
    }

    pub(super) fn charge(&mut self, window: u64, amount: Amount) {
        let at = self.0.partition_point(|(known, _)| *known < window);
        if self.0.get(at).is_none_or(|(known, _)| *known != window) {
            self.0.insert(at, (window, Charged::default()));
        }
        let (_, charged) = &mut self.0[at];
        charged.outstanding = charged.outstanding.saturating_add(amount);
    }

    pub(super) fn credit(&mut self, window: u64, amount: Amount) {
        let Some(charged) = self.find(window) else { return };
        debug_assert!(amount.fits(charged.outstanding), "more given back than was granted");
        charged.outstanding = charged.outstanding.saturating_sub(amount);
    }

    /// One of a window that is not kept counts nowhere any more.
    pub(super) fn overrun(&mut self, window: u64, amount: Amount) {
        let Some(charged) = self.find(window) else { return };
        charged.overrun = charged.overrun.saturating_add(amount);
    }

    pub(super) fn forget_before(&mut self, window: u64) {
        while self.0.front().is_some_and(|(known, _)| *known < window) {
            self.0.pop_front();
        }
        if self.0.is_empty() {
            // What an idle deployment costs is what is left here.
            self.0 = VecDeque::new();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&mut self, window: u64) -> Option<&mut Charged> {
        let known = self.0.iter_mut().rev().find(|(known, _)| *known == window);
        known.map(|(_, charged)| charged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(tokens: u64) -> Amount {
        Amount::new(tokens, 0)
    }

    #[test]
    fn each_window_is_charged_by_itself_until_it_is_forgotten() {
        let mut minutes = Minutes::default();
        minutes.charge(8, tokens(50));
        minutes.charge(7, tokens(30));
        minutes.charge(8, tokens(5));
        minutes.credit(8, tokens(15));
        minutes.overrun(7, tokens(4));
        minutes.overrun(6, tokens(9));
        minutes.credit(6, tokens(9));
        let charged = |outstanding, overrun| Charged {
            outstanding: tokens(outstanding),
            overrun: tokens(overrun),
        };
        assert_eq!((minutes.charged(7), minutes.charged(8)), (charged(30, 4), charged(40, 0)));
        assert_eq!(minutes.charged(6), Charged::default());
        minutes.forget_before(8);
        assert_eq!((minutes.charged(7), minutes.charged(8)), (Charged::default(), charged(40, 0)));
        minutes.forget_before(9);
        assert!(minutes.is_empty() && minutes.0.capacity() == 0);
    }
}
