//! How far a server has followed the journal, whatever connections it has had since: a database
//! that has less was put back, and only who had followed further can know.

use crate::store::postgres::Leader;

/// What a server knows of the journal.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The first entry that it has not read.
    next_seq: u64,
    /// Entries that it had read are gone, and the row does not say that anybody knows.
    is_behind: bool,
}

impl Followed {
    /// It has read on, up to this entry.
    pub(super) const fn read(&mut self, next_seq: u64) {
        self.next_seq = next_seq;
    }

    /// What the leader's row and the journal say now: whether entries are gone that were there when
    /// it looked last. Once the journal counts as whole on no database, whoever writes knows, and
    /// vouches for it when no lost grant can count any more.
    pub(super) fn compare(&mut self, leader: &Leader) -> bool {
        let next_seq = leader.last_seq.map_or(0, i64::unsigned_abs) + 1;
        let is_gone = next_seq < self.next_seq;
        if is_gone {
            self.next_seq = next_seq;
        }
        self.is_behind = (self.is_behind || is_gone) && leader.is_vouched_for;
        is_gone
    }

    /// It takes over: whether it is the one who knows that entries are gone.
    pub(super) const fn take_behind(&mut self) -> bool {
        std::mem::replace(&mut self.is_behind, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(last_seq: Option<i64>, is_vouched_for: bool) -> Leader {
        Leader {
            epoch: 1,
            server: "a".to_owned(),
            advertise_url: String::new(),
            steady_ms: 0,
            is_alive: true,
            last_seq,
            is_vouched_for,
        }
    }

    fn having_read(next_seq: u64) -> Followed {
        let mut followed = Followed::default();
        followed.read(next_seq);
        followed
    }

    #[test]
    fn a_journal_that_goes_on_or_is_empty_lacks_nothing() {
        for (next_seq, last_seq) in [(0, None), (1, None), (5, Some(4)), (5, Some(9))] {
            let mut followed = having_read(next_seq);
            assert!(!followed.compare(&leader(last_seq, true)), "{next_seq} {last_seq:?}");
            assert!(!followed.take_behind());
        }
    }

    #[test]
    fn entries_that_are_gone_are_told_once_and_known_until_it_takes_over() {
        for last_seq in [None, Some(1), Some(3)] {
            let mut followed = having_read(5);
            assert!(followed.compare(&leader(last_seq, true)), "{last_seq:?}");
            // Whoever writes meanwhile may write more than there was.
            assert!(!followed.compare(&leader(Some(9), true)));
            followed.read(10);
            assert!(followed.take_behind());
            assert!(!followed.take_behind(), "then the row says so");
        }
    }

    #[test]
    fn what_the_row_says_need_not_be_said_again() {
        let mut followed = having_read(5);
        assert!(followed.compare(&leader(Some(3), false)), "promoted, or the writer has noticed");
        assert!(!followed.take_behind());
        let mut followed = having_read(5);
        followed.compare(&leader(Some(3), true));
        followed.compare(&leader(Some(4), false));
        followed.compare(&leader(Some(4), true));
        assert!(!followed.take_behind(), "vouched for by who knew");
    }
}
