//! Looking over the leases of a window, part by part.
//!
//! What was looked at may change before the last part: then the sums of what was seen change with
//! it, so at the end they are those of all leases as they are. That is arithmetic of its own,
//! beside the window's sums: what these missed once, they lack at the end.

use std::collections::BTreeMap;

use crate::Amount;
use crate::bucket::Tally;
use crate::lease::Lease;
use crate::leases::Leases;

/// The sums of the leases seen so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audit {
    /// Leases before this one were seen.
    next: usize,
    pub(crate) tally: Tally,
    pub(crate) open: Amount,
}

impl Audit {
    /// Looks at the next `most` leases and what few of them are overrun by, and answers how many
    /// there were.
    pub(crate) fn look(
        &mut self,
        leases: &Leases,
        overruns: &BTreeMap<u32, Amount>,
        first_open: usize,
        most: usize,
    ) -> usize {
        let first = self.next;
        for (index, lease) in leases.from(first).take(most) {
            self.add(lease);
            if index >= first_open {
                self.open = self.open.saturating_add(lease.open_rest());
            }
            self.next = index + 1;
        }
        let number = |index| u32::try_from(index).unwrap_or(u32::MAX);
        for (_, overrun) in overruns.range(number(first)..number(self.next)) {
            self.tally.overrun = self.tally.overrun.saturating_add(*overrun);
        }
        self.next - first
    }

    pub(crate) fn has_seen_all(&self, leases: &Leases) -> bool {
        self.next >= leases.len()
    }

    /// A lease changes.
    pub(crate) fn changes(&mut self, index: usize, before: &Lease, after: &Lease, is_open: bool) {
        if index >= self.next {
            return;
        }
        let Tally { granted, given_back, used, .. } = &mut self.tally;
        *granted = granted.saturating_sub(before.granted());
        *given_back = given_back.saturating_sub(before.given_back());
        *used = used.saturating_sub(before.used());
        self.add(after);
        if is_open {
            let others = self.open.saturating_sub(before.open_rest());
            self.open = others.saturating_add(after.open_rest());
        }
    }

    /// A lease is overrun by so much more.
    pub(crate) fn overruns(&mut self, index: usize, added: Amount) {
        if index < self.next {
            self.tally.overrun = self.tally.overrun.saturating_add(added);
        }
    }

    /// A lease ends.
    pub(crate) fn ends(&mut self, index: usize, lease: &Lease) {
        if index < self.next {
            self.open = self.open.saturating_sub(lease.open_rest());
        }
    }

    fn add(&mut self, lease: &Lease) {
        self.tally.granted = self.tally.granted.saturating_add(lease.granted());
        self.tally.given_back = self.tally.given_back.saturating_add(lease.given_back());
        self.tally.used = self.tally.used.saturating_add(lease.used());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Bucket;
    use crate::{HolderId, LeaseId, Limit, RequestKey, Unit};

    fn id(number: u32) -> LeaseId {
        LeaseId { window: 9, number }
    }

    /// One with ten leases of 10 tokens, the first three of which have ended.
    fn bucket() -> Bucket {
        let mut bucket = Bucket::new(9, 9, Limit::default(), 0);
        for number in 0..10 {
            let request = RequestKey(u128::from(number));
            let ends_ms = if number < 3 { 5 } else { 50 };
            let lease = Lease::new(HolderId(1), request, Amount::new(10, 1), 0, ends_ms);
            bucket.grant(id(number), lease.unwrap()).unwrap();
        }
        bucket.end(10);
        bucket
    }

    /// Parts of four leases, while those that were looked at and those that were not change and
    /// end.
    fn audited_in_parts(bucket: &mut Bucket) -> bool {
        assert_eq!(bucket.audit_some(4), (4, None));
        bucket.give_back(id(3), Amount::new(4, 0), false).unwrap();
        bucket.record(id(1), Amount::new(2, 1), Amount::new(3, 0)).unwrap();
        bucket.record(id(8), Amount::new(9, 1), Amount::ZERO).unwrap();
        assert_eq!(bucket.audit_some(4), (4, None));
        bucket.end(60);
        let (looked_at, agrees) = bucket.audit_some(4);
        assert_eq!(looked_at, 2);
        agrees.unwrap()
    }

    #[test]
    fn leases_may_change_between_two_parts() {
        let mut bucket = bucket();
        assert!(audited_in_parts(&mut bucket));
        assert_eq!(bucket.audit_some(99), (10, Some(true)), "and anew");
    }

    #[test]
    fn a_part_sums_the_overruns_of_its_own_leases() {
        let mut leases = Leases::with_room(10);
        for number in 0..10 {
            let lease = Lease::new(HolderId(1), RequestKey(number), Amount::new(10, 1), 0, 50);
            leases.push(lease.unwrap());
        }
        let overruns = (0..10).map(|number| (number, Amount::new(1, 0))).collect();
        let mut audit = Audit::default();
        for seen in [4, 8, 10] {
            audit.look(&leases, &overruns, 0, 4);
            assert_eq!(audit.tally.overrun, Amount::new(seen, 0));
        }
    }

    #[test]
    fn a_sum_that_is_off_is_found() {
        let off: [fn(&mut Tally); 4] = [
            |tally| tally.granted[Unit::Tokens] += 1,
            |tally| tally.given_back[Unit::Requests] += 1,
            |tally| tally.used[Unit::Tokens] += 1,
            |tally| tally.overrun[Unit::Tokens] += 1,
        ];
        for off in off {
            let mut bucket = bucket();
            off(&mut bucket.tally);
            assert!(!audited_in_parts(&mut bucket), "{:?}", bucket.tally);
        }
    }
}
