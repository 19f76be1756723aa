//! Which quota server to speak with: a machine without IO or clock; randomness is passed in.
//!
//! All servers of a list keep one ledger between them, so any may be asked the same thing again.
//! A client speaks with one at a time. It keeps its own random order of them, so that many clients
//! spread over all, and stays with the first that answers. Whoever drives it does, in a loop:
//!
//! 1. A message goes to the server of [`Servers::pick`], and what became of it to
//!    [`Servers::heard`]. [`Failure::Elsewhere`] means: another server can be asked at once.
//! 2. [`Servers::poll_lookup`] names a host whose addresses are to be looked up;
//!    [`Servers::looked_up`] takes them. Until then the name itself is one server.
//! 3. [`Servers::poll_probe`] names a server to look at; [`Servers::probed`] hears whether it is
//!    ready, and moves there: so load spreads again after a failure, slowly, and a server that
//!    hangs holds up the look, not a message.
//! 4. Go on at [`Servers::poll_timeout`] at the latest.
//!
//! A standby names the active server. It is believed if it was configured itself, or names one that
//! was; the client, with its token, then goes to the named one until that fails.

mod lookup;
mod origin;
mod outcome;
mod spread;

#[cfg(test)]
mod tests;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng, RngExt as _};

use crate::reach::Reach;
use crate::refill::Failure;
use crate::{BuildError, Moment};
use lookup::Name;

pub use lookup::{Lookup, NameNo};
pub use origin::Origin;
pub use outcome::Outcome;

/// Names a server; one that left and came back has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerNo(u32);

/// A server to speak with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which one.
    pub no: ServerNo,
    /// Where it is.
    pub origin: Origin,
}

/// The machine: one for each client.
#[derive(Debug)]
pub struct Servers {
    /// In this client's own order.
    known: Vec<Server>,
    names: Vec<Name>,
    in_use: Option<InUse>,
    /// How often in a row a server named another.
    hops: u8,
    /// When to look at another server next.
    spread_at: Option<Moment>,
    numbers: u32,
    rng: StdRng,
}

#[derive(Debug)]
struct Server {
    target: Target,
    of: Of,
    reach: Reach,
}

/// Why a server is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Configuration,
    /// One address of a configured name, or the name itself before it was looked up.
    Name(NameNo),
    /// Only a configured server named it.
    Hearsay,
}

/// The server that messages go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InUse {
    no: ServerNo,
    /// A standby named it, so no other will do.
    is_named: bool,
}

impl Servers {
    /// The servers of a list of URLs, with commas between them.
    ///
    /// # Errors
    /// One of them is not a URL of HTTP.
    pub fn new(urls: &str, rng: StdRng) -> Result<Self, BuildError> {
        let mut servers = Self {
            known: Vec::new(),
            names: Vec::new(),
            in_use: None,
            hops: 0,
            spread_at: None,
            numbers: 0,
            rng,
        };
        for origin in Origin::list(urls)? {
            let of = servers.name(&origin).map_or(Of::Configuration, Of::Name);
            servers.add(origin, of);
        }
        let Self { known, rng, .. } = &mut servers;
        known.shuffle(rng);
        Ok(servers)
    }

    /// The server for the next message: the one in use, another if that one fails. If all fail, the
    /// one whose turn is next.
    pub fn pick(&mut self, now: Moment) -> Target {
        let in_use = self.in_use.and_then(|in_use| self.server(in_use.no));
        if let Some(server) = in_use.filter(|server| server.is_open(now)) {
            return server.target.clone();
        }
        let best = self.candidates().min_by_key(|server| server.rank(now));
        let target = best.expect("a list has one server at least").target.clone();
        self.in_use = Some(InUse { no: target.no, is_named: false });
        target
    }

    /// All that are known, for whoever prepares connections.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.known.iter().map(|server| &server.target)
    }

    /// Whether there is a choice, or may be once names are looked up.
    #[must_use]
    pub fn may_have_others(&self) -> bool {
        self.known.len() > 1 || !self.names.is_empty()
    }

    /// When to go on at the latest: something is to be looked up or looked at.
    #[must_use]
    pub fn poll_timeout(&self) -> Moment {
        let lookup = self.names.iter().map(Name::due).min();
        let probe = self.spread_at.filter(|_| self.can_spread());
        lookup.into_iter().chain(probe).min().unwrap_or(Moment::NEVER)
    }

    fn add(&mut self, origin: Origin, of: Of) -> ServerNo {
        let no = ServerNo(self.numbers);
        self.numbers += 1;
        let target = Target { no, origin };
        self.known.push(Server { target, of, reach: Reach::default() });
        no
    }

    fn server(&self, no: ServerNo) -> Option<&Server> {
        self.known.iter().find(|server| server.target.no == no)
    }

    fn server_mut(&mut self, no: ServerNo) -> Option<&mut Server> {
        self.known.iter_mut().find(|server| server.target.no == no)
    }

    /// Those that may be picked without somebody's naming them.
    fn candidates(&self) -> impl Iterator<Item = &Server> {
        self.known.iter().filter(|server| server.of != Of::Hearsay)
    }

    /// After a failure: whether there is another one to ask now, or when there will be.
    fn go_on(&self, now: Moment) -> Failure {
        let next_try = self.candidates().map(|server| server.reach.next_try).min();
        let retry_after = next_try.unwrap_or(now).since(now);
        if retry_after.is_zero() { Failure::Elsewhere } else { Failure::Away { retry_after } }
    }

    fn jitter(&mut self) -> u16 {
        self.rng.random_range(0..=1_000)
    }
}

impl Server {
    fn is_open(&self, now: Moment) -> bool {
        self.reach.next_try <= now
    }

    /// The least is the best to ask: one that may be asked before one that may not, one that did
    /// not fail before one that did.
    fn rank(&self, now: Moment) -> (bool, bool, Moment) {
        (!self.is_open(now), self.reach.is_away(), self.reach.next_try)
    }
}

/// Somewhere between half of a span and one and a half.
fn about(span: std::time::Duration, rng: &mut impl Rng) -> std::time::Duration {
    span / 2 + span * rng.random_range(0..=1_000) / 1_000
}
