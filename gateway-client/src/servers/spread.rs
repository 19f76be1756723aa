//! Going to other servers now and then, so that load spreads again after a failure. Each client
//! does it about once in a minute, to any of them with the same chance: a server that comes back
//! gets its share within a minute or two, and never all clients at once.

use std::time::Duration;

use rand::seq::IteratorRandom as _;

use super::{InUse, ServerNo, Servers, Target, about};
use crate::Moment;

const SPREAD: Duration = Duration::from_secs(60);

impl Servers {
    /// The server to look at now, if any: whether it is ready is to be told to [`Servers::probed`].
    pub fn poll_probe(&mut self, now: Moment) -> Option<Target> {
        self.spread_at.filter(|at| *at <= now && self.can_spread())?;
        self.spread_at = None;
        self.schedule_spread(now);
        let in_use = self.in_use.map(|in_use| in_use.no);
        let servers = self.known.iter().filter(|server| server.of != super::Of::Hearsay);
        let chosen = servers.choose(&mut self.rng)?;
        (Some(chosen.target.no) != in_use).then(|| chosen.target.clone())
    }

    /// A server was looked at. If it is ready, messages go there from now on.
    pub fn probed(&mut self, no: ServerNo, is_ready: bool, now: Moment) {
        let (jitter, can_spread) = (self.jitter(), self.can_spread());
        let Some(server) = self.server_mut(no) else {
            return;
        };
        if !is_ready {
            server.reach.failed(None, jitter, now);
        } else if can_spread {
            server.reach.succeeded();
            self.in_use = Some(InUse { no, is_named: false });
        }
    }

    pub(super) fn schedule_spread(&mut self, now: Moment) {
        if self.spread_at.is_none() {
            self.spread_at = Some(now + about(SPREAD, &mut self.rng));
        }
    }

    /// A server that a standby named is the only one that can work.
    pub(super) fn can_spread(&self) -> bool {
        let is_named = self.in_use.is_some_and(|in_use| in_use.is_named);
        !is_named && self.candidates().nth(1).is_some()
    }
}
