use crate::{Amount, HolderId, MAX_LEASE, RequestKey};

/// A lease, as the book has it. `used + given_back <= granted`, always.
///
/// At full load a window has millions of these, so one is 64 bytes: a cache line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) request: RequestKey,
    granted: Word,
    given_back: Word,
    used: Word,
    pub(crate) starts_ms: u64,
    pub(crate) ends_ms: u64,
    pub(crate) holder: HolderId,
    pub(crate) closed: bool,
}

const _: () = assert!(size_of::<Lease>() == 64);

impl Lease {
    /// A lease of which nothing is given back or used yet; `None` if it is more than a lease holds.
    pub(crate) fn new(
        holder: HolderId,
        request: RequestKey,
        granted: Amount,
        starts_ms: u64,
        ends_ms: u64,
    ) -> Option<Self> {
        let granted = granted.fits(MAX_LEASE).then(|| Word::of(granted))?;
        let (given_back, used) = (Word(0), Word(0));
        Some(Self { request, granted, given_back, used, starts_ms, ends_ms, holder, closed: false })
    }

    pub(crate) fn granted(&self) -> Amount {
        self.granted.amount()
    }

    pub(crate) fn given_back(&self) -> Amount {
        self.given_back.amount()
    }

    pub(crate) fn used(&self) -> Amount {
        self.used.amount()
    }

    /// Held by its holder or used: all that was not given back.
    pub(crate) fn kept(&self) -> Amount {
        self.granted().saturating_sub(self.given_back())
    }

    /// Neither given back nor reported as used.
    pub(crate) fn rest(&self) -> Amount {
        self.kept().saturating_sub(self.used())
    }

    /// What of the rest may still be drawn, as long as the lease has not ended.
    pub(crate) fn open_rest(&self) -> Amount {
        if self.closed { Amount::ZERO } else { self.rest() }
    }

    /// The same lease with these totals; `None` if they are more than it holds.
    pub(crate) fn with(&self, given_back: Amount, used: Amount, closed: bool) -> Option<Self> {
        let fits = given_back.checked_add(used)?.fits(self.granted());
        fits.then(|| Self {
            given_back: Word::of(given_back),
            used: Word::of(used),
            closed,
            ..*self
        })
    }
}

/// An amount of at most [`MAX_LEASE`]: tokens above, 24 bits of requests below.
#[derive(Debug, Clone, Copy)]
struct Word(u64);

impl Word {
    const fn of(amount: Amount) -> Self {
        Self(amount.tokens() << 24 | amount.requests())
    }

    const fn amount(self) -> Amount {
        Amount::new(self.0 >> 24, self.0 & MAX_LEASE.requests())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_keeps_the_largest_lease() {
        for amount in [Amount::ZERO, Amount::new(1, 0), Amount::new(0, 1), MAX_LEASE] {
            assert_eq!(Word::of(amount).amount(), amount);
        }
    }
}
