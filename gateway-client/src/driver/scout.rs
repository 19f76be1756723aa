//! What goes on beside the messages: names are looked up, and servers looked at before they are
//! used. None of it holds a message up.

use std::net::IpAddr;
use std::pin::Pin;

use crate::Moment;
use crate::servers::{NameNo, ServerNo, Servers};
use crate::transport::Transport;

type Errand<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One of each kind at a time.
#[derive(Default)]
pub(super) struct Scout {
    lookup: Option<Errand<(NameNo, Vec<IpAddr>)>>,
    probe: Option<Errand<(ServerNo, bool)>>,
}

/// What was found out.
pub(super) enum News {
    LookedUp(NameNo, Vec<IpAddr>),
    Probed(ServerNo, bool),
}

impl Scout {
    /// Begins what is due.
    pub(super) fn set_out(&mut self, servers: &mut Servers, transport: &Transport, now: Moment) {
        if self.lookup.is_none()
            && let Some(lookup) = servers.poll_lookup(now)
        {
            let transport = transport.clone();
            self.lookup =
                Some(Box::pin(async move { (lookup.no, transport.look_up(&lookup.host).await) }));
        }
        if self.probe.is_none()
            && let Some(target) = servers.poll_probe(now)
        {
            let transport = transport.clone();
            self.probe =
                Some(Box::pin(
                    async move { (target.no, transport.is_ready(&target.origin).await) },
                ));
        }
    }

    /// Waits for the next piece of news. Dropping the future loses none.
    pub(super) async fn news(&mut self) -> News {
        tokio::select! {
            (no, addresses) = under_way(&mut self.lookup) => {
                self.lookup = None;
                News::LookedUp(no, addresses)
            }
            (no, is_ready) = under_way(&mut self.probe) => {
                self.probe = None;
                News::Probed(no, is_ready)
            }
        }
    }

    /// When to set out next, if there is nothing under way that comes first.
    pub(super) fn due(&self, servers: &Servers) -> Moment {
        let is_busy = self.lookup.is_some() || self.probe.is_some();
        if is_busy { Moment::NEVER } else { servers.poll_timeout() }
    }
}

async fn under_way<T>(errand: &mut Option<Errand<T>>) -> T {
    match errand {
        Some(errand) => errand.await,
        None => std::future::pending().await,
    }
}
