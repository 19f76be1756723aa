//! A deployment at a glance: what somebody who watches many of them wants to know of each.

use super::{Book, BookPage, Standing};
use crate::bucket::Bucket;
use crate::{Amount, Now, PeriodStanding};

/// How a deployment stands and how it came to it.
///
/// The page adds up as every page does. With a `minute` window the standing is the page's too:
/// `outstanding = granted - given_back`, and `overrun` is the page's. With `rolling` the standing
/// is that of the last 60 s, and the page that of what was granted in this minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// How it stands.
    pub standing: Standing,
    /// How the limits over further periods stand.
    pub periods: Vec<PeriodStanding>,
    /// The book of the open window so far.
    pub page: BookPage,
    /// Leases that may still be drawn from, those of the next window too. Of more than 1 024 of a
    /// window some may be counted that were closed.
    pub leases: u64,
    /// Holders that asked in the last 10 s.
    pub holders: u64,
    /// When the open window ends, ms from now.
    pub ends_in_ms: u64,
}

impl Book {
    /// The deployment at a glance. It changes nothing, so a book that is only followed shows it
    /// too; a book that was not advanced to `now` shows a `rolling` standing that is as old as the
    /// book.
    #[must_use]
    pub fn overview(&self, now: &Now) -> Overview {
        let (leases, held) = self.in_hands(now);
        Overview {
            standing: self.standing_of(now.window.number, now),
            periods: self.period_standings(now),
            page: self.open_page(held, now),
            leases,
            holders: self.holders.asked_lately(now.steady_ms),
            ends_in_ms: now.window_ends_in_ms(),
        }
    }

    /// How many leases may still be drawn from, and what of those of the open window.
    fn in_hands(&self, now: &Now) -> (u64, Amount) {
        let (mut leases, mut rests) = (0, Amount::ZERO);
        for bucket in &self.buckets {
            let (of_bucket, open) = bucket.in_hands(now.steady_ms);
            leases += of_bucket;
            if bucket.window == now.window.number {
                rests = open;
            }
        }
        (leases, rests)
    }

    fn open_page(&self, held: Amount, now: &Now) -> BookPage {
        let kind = self.policy.kind;
        let page = self.bucket(now.window.number).map_or_else(
            || {
                let (window, minute) = (now.window.number, now.window.minute);
                BookPage::closed(&Bucket::new(window, minute, self.policy.limit, 0), kind)
            },
            |bucket| BookPage::closed(bucket, kind),
        );
        BookPage { held, burnt: page.burnt.saturating_sub(held), over: false, ..page }
    }
}
