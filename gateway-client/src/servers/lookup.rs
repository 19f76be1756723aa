//! Names that stand for several servers, as a Kubernetes headless service does: looked up at the
//! start, now and then, and when one of them fails.

use std::net::IpAddr;
use std::time::Duration;

use rand::RngExt as _;

use super::{Of, Origin, Servers, about};
use crate::Moment;

const NOW_AND_THEN: Duration = Duration::from_secs(30);
/// Not sooner again, however many of its servers fail.
const SOON: Duration = Duration::from_secs(1);

/// Names a host that is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameNo(usize);

/// A host to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Which one.
    pub no: NameNo,
    /// Its name.
    pub host: String,
}

#[derive(Debug)]
pub(super) struct Name {
    origin: Origin,
    host: String,
    due: Moment,
    /// Not sooner than then.
    rested: Moment,
}

impl Name {
    pub(super) const fn due(&self) -> Moment {
        self.due
    }
}

impl Servers {
    /// The name of a server, if it goes by one.
    pub(super) fn name(&mut self, origin: &Origin) -> Option<NameNo> {
        let host = origin.name()?.to_owned();
        let (origin, due) = (origin.clone(), Moment::START);
        self.names.push(Name { origin, host, due, rested: due });
        Some(NameNo(self.names.len() - 1))
    }

    /// The host to look up now, if any.
    pub fn poll_lookup(&mut self, now: Moment) -> Option<Lookup> {
        let at = self.names.iter().position(|name| name.due <= now)?;
        let name = &mut self.names[at];
        name.due = now + about(NOW_AND_THEN, &mut self.rng);
        name.rested = now + SOON;
        Some(Lookup { no: NameNo(at), host: name.host.clone() })
    }

    /// The addresses of a name. None means that it could not be looked up, and changes nothing: old
    /// addresses are better than none.
    pub fn looked_up(&mut self, no: NameNo, addresses: &[IpAddr]) {
        if addresses.is_empty() {
            return;
        }
        let is_of = |of| of == Of::Name(no);
        let lasts = |origin: &Origin| origin.address().is_some_and(|at| addresses.contains(&at));
        self.known.retain(|server| !is_of(server.of) || lasts(&server.target.origin));
        for address in addresses {
            let origin = self.names[no.0].origin.at(*address);
            if !self.known.iter().any(|server| server.target.origin == origin) {
                self.add(origin, Of::Name(no));
                let (last, at) = (self.known.len() - 1, self.rng.random_range(0..self.known.len()));
                self.known.swap(at, last);
            }
        }
        let in_use = self.in_use.filter(|in_use| self.server(in_use.no).is_some());
        self.in_use = in_use;
    }

    pub(super) fn look_up_soon(&mut self, no: NameNo, now: Moment) {
        let name = &mut self.names[no.0];
        name.due = name.due.min(now.max(name.rested));
    }
}
