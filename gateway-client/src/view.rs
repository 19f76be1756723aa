use std::time::Duration;

use quota_api::{State, Usage};
use quota_units::Amount;

/// A deployment, as this client sees it just now: for routing and for `x-ratelimit` headers. It is
/// an estimate, since what other holders do is known from the server's last answer only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The state that the server told last, while its window lasts.
    pub state: Option<State>,
    /// How full the window was, when the server last told. `None` once that window is over.
    pub usage: Option<Usage>,
    /// What this client's own leases have free now.
    pub free: Amount,
    /// Until the window's end, where it is known and the window is of a kind that ends.
    pub window_ends_in: Option<Duration>,
    /// How long a draw of the smallest size, one request and no tokens, is denied without asking:
    /// [`Duration::MAX`] where that is for good.
    pub denied_for: Option<Duration>,
}

impl View {
    /// Tokens that may be left of the window for this client: what no holder was granted, and
    /// what its own leases have. `None` if there is no limit, or nothing is known.
    #[must_use]
    pub fn remaining_tokens(&self) -> Option<u64> {
        let ungranted = self.usage?.tokens.remaining()?;
        Some(ungranted.saturating_add(self.free.tokens()))
    }

    /// The same in requests.
    #[must_use]
    pub fn remaining_requests(&self) -> Option<u64> {
        let ungranted = self.usage?.requests.remaining()?;
        Some(ungranted.saturating_add(self.free.requests()))
    }

    /// Tokens that all holders together have used of the window or may be using: what they were
    /// granted and have not given back, less what this client's own leases have free. Grants since
    /// the last answer are not in it. 0 where nothing is known.
    #[must_use]
    pub fn used_tokens(&self) -> u64 {
        let Some(usage) = self.usage else { return 0 };
        let spent = usage.tokens.outstanding.saturating_add(usage.tokens.overrun);
        spent.saturating_sub(self.free.tokens())
    }
}
