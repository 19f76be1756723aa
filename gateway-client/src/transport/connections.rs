use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;

use crate::BuildError;
use crate::resolver::{Resolver, Route};
use crate::servers::Origin;
use crate::transport::trust::{Stamp, Trust, Trusted};

/// An idle connection is closed after so long, before the server (after a minute) or a proxy in
/// between does it in the very moment in which the next message goes out.
const IDLE: Duration = Duration::from_secs(20);
/// Servers come and go; so many are remembered before those that went are forgotten.
const REMEMBERED: usize = 64;

/// How servers are spoken with.
#[derive(Debug)]
pub(crate) struct Wire {
    headers: HeaderMap,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) resolver: Arc<dyn Resolver>,
    trust: Trust,
}

impl Wire {
    /// # Errors
    /// The token does not go into a header.
    pub(crate) fn new(
        token: Option<&str>,
        connect_timeout: Duration,
        request_timeout: Duration,
        resolver: Arc<dyn Resolver>,
        trust: Trust,
    ) -> Result<Self, BuildError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value = value.map_err(|_| BuildError::Token)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { headers, connect_timeout, request_timeout, resolver, trust })
    }
}

/// One HTTP client for each server, since two servers may have one name.
#[derive(Debug)]
pub(super) struct Connections {
    wire: Wire,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    stamp: Stamp,
    trusted: Trusted,
    clients: HashMap<Origin, reqwest::Client>,
}

impl Connections {
    /// # Errors
    /// One of the files of TLS cannot be used.
    pub(super) fn new(wire: Wire) -> Result<Self, BuildError> {
        let (stamp, trusted) = (wire.trust.stamp(), wire.trust.read()?);
        let kept = Mutex::new(Kept { stamp, trusted, clients: HashMap::new() });
        Ok(Self { wire, kept })
    }

    pub(super) fn resolver(&self) -> &dyn Resolver {
        &*self.wire.resolver
    }

    pub(super) fn client(&self, server: &Origin) -> Result<reqwest::Client, reqwest::Error> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.follow(&self.wire.trust);
        if let Some(client) = kept.clients.get(server) {
            return Ok(client.clone());
        }
        let client = self.wire.client(server, &kept.trusted)?;
        if kept.clients.len() == REMEMBERED {
            kept.clients.clear();
        }
        kept.clients.insert(server.clone(), client.clone());
        Ok(client)
    }
}

impl Kept {
    /// Connects anew when the files of TLS have changed; what is under way ends on its old
    /// connection. Without files this costs nothing.
    fn follow(&mut self, trust: &Trust) {
        let stamp = trust.stamp();
        if stamp == self.stamp {
            return;
        }
        self.stamp = stamp;
        match trust.read() {
            Ok(trusted) => {
                tracing::info!("the files of TLS have changed: connecting anew");
                self.trusted = trusted;
                self.clients.clear();
            }
            Err(error) => {
                tracing::error!(%error, "the files of TLS have changed: what they were goes on");
            }
        }
    }
}

impl Wire {
    fn client(
        &self,
        server: &Origin,
        trusted: &Trusted,
    ) -> Result<reqwest::Client, reqwest::Error> {
        let route = match server.address() {
            Some(address) => Route::Pinned(address),
            None => Route::Anew(self.resolver.clone()),
        };
        // Straight to the server: a proxy from the environment is meant for other traffic.
        let builder = reqwest::Client::builder()
            .default_headers(self.headers.clone())
            .connect_timeout(self.connect_timeout)
            .timeout(self.request_timeout)
            .pool_idle_timeout(IDLE)
            .redirect(Policy::none())
            .dns_resolver(Arc::new(route))
            .no_proxy();
        if server.is_encrypted() {
            trusted.apply(builder).build()
        } else {
            // Reading the system's certificates takes a while.
            builder.tls_certs_only([]).build()
        }
    }
}
