use std::sync::OnceLock;

use gateway_client::Amount;
use gateway_router::Size;

use super::Target;
use crate::tokens::Encoding;

/// What one request needs. Deployments may cut its text differently, so its tokens are counted for each
/// encoding, once, when a deployment that has it is to be drawn from.
pub struct Need<F> {
    count: F,
    counted: [OnceLock<u64>; Encoding::COUNT],
}

impl<F: Fn(Encoding) -> u64> Need<F> {
    /// Counts by this.
    pub fn of(count: F) -> Self {
        Self { count, counted: Default::default() }
    }

    fn tokens(&self, encoding: Encoding) -> u64 {
        *self.counted[encoding as usize].get_or_init(|| (self.count)(encoding))
    }
}

impl<F: Fn(Encoding) -> u64> Size<Target> for Need<F> {
    fn size(&self, target: &Target) -> Amount {
        Amount { tokens: self.tokens(target.encoding), requests: 1 }
    }
}
