use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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

/// A holder's `request_id`, hashed to 128 bits by the ledger. Two ids of one holder meet with a
/// chance of 2^-128; ids of different holders are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestKey(pub u128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_has_one_name() {
        let id = LeaseId { window: 29_384_756, number: 17 };
        assert_eq!("29384756-17".parse(), Ok(id));
        for bad in ["", "-", "1-", "-1", "+1-2", "01-2", "1-02", "1-2-3", "1-4294967296"] {
            assert_eq!(bad.parse::<LeaseId>(), Err(()), "{bad}");
        }
    }
}
