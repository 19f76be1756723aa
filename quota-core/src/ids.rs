use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Wish;

/// A lease of one book: the window that it is charged to and its number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeaseId {
    /// The window's number.
    pub window: u64,
    /// The lease's number in that window, from 0.
    pub number: u32,
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.window, self.number)
    }
}

impl FromStr for LeaseId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (window, number) = text.split_once('-').ok_or(())?;
        let parsed = Self {
            window: window.parse().map_err(|_| ())?,
            number: number.parse().map_err(|_| ())?,
        };
        // One lease, one name: "+7" and "007" parse as numbers, but name nothing.
        if parsed.to_string() == text { Ok(parsed) } else { Err(()) }
    }
}

/// A holder, by the number that the ledger gave it. Numbers are never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HolderId(pub u32);

/// A holder's `request_id`, hashed by the ledger. Two ids of one holder meet with a chance of
/// 2^-80; ids of different holders are never compared.
///
/// The low 80 bits name the request. In a [`Wish`] the others mean nothing. In a granted lease they
/// are a print of what was asked for, 32 bits and 16 that vouch for them: journals from before
/// there was a print have the rest of the hash there. So a journal of any age tells a repeated wish
/// from another under the same id, save one of 2^32 others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestKey(pub u128);

/// A short print of a wish, the same in every build: it is written into journals and into Redis.
/// Of `min`, `want`, and whether the next window is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WishPrint(pub u32);

impl WishPrint {
    /// Of a wish.
    #[must_use]
    pub const fn of(wish: &Wish) -> Self {
        let Wish { min, want, ahead, .. } = *wish;
        let mut hash = mixed(0x9e37_79b9_7f4a_7c15, ahead as u64);
        hash = mixed(mixed(hash, min.tokens()), min.requests());
        hash = mixed(mixed(hash, want.tokens()), want.requests());
        Self((hash >> 32) as u32)
    }
}

const ID_BITS: u32 = 80;

impl RequestKey {
    /// The part that names the request.
    pub(crate) const fn id(self) -> u128 {
        self.0 << (u128::BITS - ID_BITS) >> (u128::BITS - ID_BITS)
    }

    /// The key of a request that was granted this wish.
    #[must_use]
    pub const fn granted(self, print: WishPrint) -> Self {
        let head = (print.0 as u128) << 16 | self.check(print) as u128;
        Self(head << ID_BITS | self.id())
    }

    /// Which wish it was granted; `None` where that was not written down.
    pub(crate) fn print(self) -> Option<WishPrint> {
        let print = WishPrint((self.0 >> (ID_BITS + 16)) as u32);
        (self.granted(print) == self).then_some(print)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of an id, one after the other")]
    const fn check(self, print: WishPrint) -> u16 {
        let id = self.id();
        (mixed(mixed(id as u64, (id >> 64) as u64), print.0 as u64) >> 48) as u16
    }
}

/// Spreads `with` and what was mixed before over all bits.
const fn mixed(hash: u64, with: u64) -> u64 {
    let mixed = (hash.rotate_left(29) ^ with).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed ^ mixed >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Amount;

    #[test]
    fn a_granted_key_tells_its_wish_and_an_old_one_nothing() {
        let key = RequestKey(u128::MAX / 7);
        let want = Amount::new(90, 2);
        let wish = |tokens, ahead| {
            WishPrint::of(&Wish { request: key, min: Amount::new(tokens, 1), want, ahead })
        };
        let granted = key.granted(wish(15, false));
        assert_eq!(granted.id(), key.id());
        assert_eq!(granted.print(), Some(wish(15, false)));
        assert_eq!(
            wish(15, false),
            WishPrint(1_477_149_790),
            "as it is in journals that were written"
        );
        assert_ne!(granted.print(), Some(wish(15, true)));
        let others = (16..1_016).filter(|tokens| granted.print() == Some(wish(*tokens, false)));
        assert_eq!(others.count(), 0);
        let olds = (1..1_000_u128).map(|n| RequestKey(n.wrapping_mul(u128::MAX / 1_237)));
        assert!(olds.filter(|old| old.print().is_some()).count() <= 1);
    }

    #[test]
    fn a_lease_has_one_name() {
        let id = LeaseId { window: 29_384_756, number: 17 };
        assert_eq!("29384756-17".parse(), Ok(id));
        for bad in ["", "-", "1-", "-1", "+1-2", "01-2", "1-02", "1-2-3", "1-4294967296"] {
            assert_eq!(bad.parse::<LeaseId>(), Err(()), "{bad}");
        }
    }
}
