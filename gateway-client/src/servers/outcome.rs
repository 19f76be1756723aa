//! What became of a message, and what that says of its server.

use std::time::Duration;

use reqwest::Url;

use super::{InUse, Of, Origin, ServerNo, Servers};
use crate::Moment;
use crate::refill::Failure;

/// So often in a row one server may send the client to another.
const MAX_HOPS: u8 = 3;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It was answered.
    Answered,
    /// It was answered, but for some of its entries the server could not work; another one might.
    Troubled,
    /// It was not answered, or the server cannot work.
    Lost {
        /// When the server asks to try again.
        retry_after: Option<Duration>,
    },
    /// The server refuses this client.
    Refused,
    /// The server is a standby and names the active one.
    Standby {
        /// The URL that was asked.
        asked: &'a Url,
        /// Where it should have gone.
        location: &'a str,
    },
}

impl Servers {
    /// Takes in what became of a message that went out at `sent_at`; says what to do if that was no
    /// answer.
    pub fn heard(
        &mut self,
        no: ServerNo,
        outcome: Outcome<'_>,
        sent_at: Moment,
        now: Moment,
    ) -> Option<Failure> {
        match outcome {
            Outcome::Answered => self.answered(no, now),
            Outcome::Troubled => self.leave(no),
            Outcome::Refused => {
                self.leave(no);
                return Some(Failure::Refused);
            }
            Outcome::Lost { retry_after } => {
                return Some(self.failed(no, retry_after, sent_at, now));
            }
            Outcome::Standby { asked, location } => {
                return Some(if self.follow(no, asked, location, now) {
                    Failure::Elsewhere
                } else {
                    self.failed(no, None, sent_at, now)
                });
            }
        }
        None
    }

    /// Whether a message that this server could not work on may be asked of another at once.
    #[must_use]
    pub fn has_other(&self, no: ServerNo, now: Moment) -> bool {
        self.candidates().any(|server| server.target.no != no && server.is_open(now))
    }

    fn answered(&mut self, no: ServerNo, now: Moment) {
        self.hops = 0;
        self.schedule_spread(now);
        if let Some(server) = self.server_mut(no) {
            server.reach.succeeded();
        }
    }

    fn failed(
        &mut self,
        no: ServerNo,
        retry_after: Option<Duration>,
        sent_at: Moment,
        now: Moment,
    ) -> Failure {
        self.hops = 0;
        let jitter = self.jitter();
        // Of a single server nothing better can be hoped for than that it answers now.
        let took = if self.may_have_others() { now.since(sent_at) } else { Duration::ZERO };
        if let Some(server) = self.server_mut(no) {
            server.reach.failed(retry_after, jitter, now);
            server.reach.was_slow(took, now);
            if let Of::Name(name) = server.of {
                self.look_up_soon(name, now);
            }
        }
        self.in_use = self.in_use.filter(|in_use| in_use.no != no);
        self.go_on(now)
    }

    /// The next message goes to another server, if there is one that works as far as is known.
    fn leave(&mut self, no: ServerNo) {
        self.hops = 0;
        if self.in_use != Some(InUse { no, is_named: false }) {
            return;
        }
        self.in_use = None;
        if let Some(at) = self.known.iter().position(|server| server.target.no == no) {
            let server = self.known.remove(at);
            self.known.push(server);
        }
    }

    /// Goes to the server that a standby named, unless that makes no sense or goes on for too long.
    fn follow(&mut self, no: ServerNo, asked: &Url, location: &str, now: Moment) -> bool {
        let Some(server) = self.server(no).filter(|_| self.hops < MAX_HOPS) else {
            return false;
        };
        let Some(to) = server.target.origin.sends_to(asked, location) else {
            return false;
        };
        let is_believed = server.of != Of::Hearsay;
        let named = match self.known.iter().find(|known| known.target.origin.is(&to)) {
            Some(known) if known.is_open(now) && known.target.no != no => known.target.no,
            None if is_believed => self.believe(to, now),
            _ => return false,
        };
        self.hops += 1;
        self.in_use = Some(InUse { no: named, is_named: true });
        true
    }
    /// Takes a server in that was not configured. Others of its kind are kept only while it counts
    /// that they failed.
    fn believe(&mut self, to: Origin, now: Moment) -> ServerNo {
        self.known.retain(|known| known.of != Of::Hearsay || !known.is_open(now));
        self.add(to, Of::Hearsay)
    }
}
