use gateway_client::Amount;

use crate::tokens::Encoding;

/// What one request needs. The deployments of a group may cut its text differently, so its tokens are
/// counted once for each encoding that the group has.
#[derive(Debug, Clone, Copy, Default)]
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
        let mut need = Self::default();
        for &encoding in encodings {
            *need.tokens_mut(encoding) = count(encoding)?;
        }
        Ok(need)
    }

    pub(super) fn amount(&self, encoding: Encoding) -> Amount {
        let mut need = *self;
        Amount { tokens: *need.tokens_mut(encoding), requests: 1 }
    }

    fn tokens_mut(&mut self, encoding: Encoding) -> &mut u64 {
        match encoding {
            Encoding::Cl100k => &mut self.cl100k,
            Encoding::O200k => &mut self.o200k,
        }
    }
}
