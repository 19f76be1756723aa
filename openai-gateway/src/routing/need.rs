use std::sync::OnceLock;

use gateway_client::Amount;
use gateway_router::Size;

use super::Target;
use crate::endpoints::Endpoint;
use crate::tokens::Encoding;

/// What one request needs. Deployments may cut its text differently, so its input is counted for
/// each encoding, once, when a deployment that has it is to be drawn from. What it allows as output
/// is the deployment's own to say, where the request doesn't, whichever group the deployment is of.
pub struct Need<I, O> {
    endpoint: &'static Endpoint,
    input: I,
    output: O,
    counted: [OnceLock<u64>; Encoding::COUNT],
}

impl<I: Fn(Encoding) -> u64, O: Fn(&Target) -> u64> Need<I, O> {
    /// Of so many tokens of input, and of output, at an endpoint.
    pub fn of(endpoint: &'static Endpoint, input: I, output: O) -> Self {
        Self { endpoint, input, output, counted: Default::default() }
    }

    fn input(&self, encoding: Encoding) -> u64 {
        *self.counted[encoding as usize].get_or_init(|| (self.input)(encoding))
    }
}

impl<I: Fn(Encoding) -> u64, O: Fn(&Target) -> u64> Size<Target> for Need<I, O> {
    fn size(&self, target: &Target) -> Amount {
        let tokens = self.input(target.encoding).saturating_add((self.output)(target));
        Amount::new(tokens, 1)
    }

    fn fits(&self, target: &Target) -> bool {
        target.headers(self.endpoint.dialect).is_some()
    }
}
