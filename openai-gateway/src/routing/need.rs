use gateway_client::Amount;

use crate::tokens::Encoding;

/// What one request needs. The deployments of a group may cut its text differently, so its tokens are
/// counted once for each encoding that the group has.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    cl100k: u64,
    o200k: u64,
}

impl Need {
    /// Counts the tokens in each of the encodings.
    ///
    /// # Errors
    /// The first that counting has.
    pub fn count<E>(
        encodings: &[Encoding],
        count: impl Fn(Encoding) -> Result<u64, E>,
    ) -> Result<Self, E> {
        let tokens = |encoding| match encodings.contains(&encoding) {
            true => count(encoding),
            false => Ok(0),
        };
        Ok(Self { cl100k: tokens(Encoding::Cl100k)?, o200k: tokens(Encoding::O200k)? })
    }

    pub(super) fn amount(&self, encoding: Encoding) -> Amount {
        let tokens = match encoding {
            Encoding::Cl100k => self.cl100k,
            Encoding::O200k => self.o200k,
        };
        Amount { tokens, requests: 1 }
    }
}
