use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use quota_api::limits::MAX_NAME_BYTES;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::clock::{BootClock, Clock};
use crate::fleet::Fleet;
use crate::handle::is_name;
use crate::resolver::{Resolver, SystemResolver};
use crate::servers::Servers;
use crate::transport::{Transport, Trust, Wire};
use crate::{BuildError, QuotaClient, driver};

/// Settings of a [`QuotaClient`].
#[derive(Clone)]
pub struct Builder<C: Clock = BootClock> {
    urls: String,
    token: Option<String>,
    holder: String,
    instance: String,
    max_wait: Duration,
    connect_timeout: Duration,
    request_timeout: Option<Duration>,
    shutdown_timeout: Duration,
    resolver: Arc<dyn Resolver>,
    trust: Trust,
    clock: C,
}

impl Builder {
    pub(crate) fn new(urls: String) -> Self {
        Self {
            urls,
            token: None,
            holder: "gateway".to_owned(),
            instance: instance(),
            max_wait: Duration::from_millis(500),
            connect_timeout: Duration::from_millis(250),
            request_timeout: None,
            shutdown_timeout: Duration::from_secs(2),
            resolver: Arc::new(SystemResolver),
            trust: Trust::default(),
            clock: BootClock,
        }
    }
}

impl<C: Clock> Builder<C> {
    /// The bearer token; none by default, which a server without tokens takes.
    #[must_use]
    pub fn token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// The name of this gateway, `gateway` by default.
    #[must_use]
    pub fn holder(self, holder: impl Into<String>) -> Self {
        Self { holder: holder.into(), ..self }
    }

    /// What tells this process from others of the same name and from its own earlier life: random
    /// by default. Two clients that share it would be given each other's leases.
    #[must_use]
    pub fn instance(self, instance: impl Into<String>) -> Self {
        Self { instance: instance.into(), ..self }
    }

    /// How long [`crate::Deployment::draw`] waits for a lease: 500 ms by default.
    #[must_use]
    pub fn max_wait(self, max_wait: Duration) -> Self {
        Self { max_wait, ..self }
    }

    /// How long a connection to a server may take: 250 ms by default.
    #[must_use]
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// How long an answer of a server is waited for: by default 1 s where there may be another to
    /// ask, 2 s of a single one, since giving it up gains nothing.
    #[must_use]
    pub fn request_timeout(self, request_timeout: Duration) -> Self {
        Self { request_timeout: Some(request_timeout), ..self }
    }

    /// How long [`QuotaClient::shutdown`] tries to give everything back: 2 s by default.
    #[must_use]
    pub fn shutdown_timeout(self, shutdown_timeout: Duration) -> Self {
        Self { shutdown_timeout, ..self }
    }

    /// A PEM file of the authorities that servers' certificates must be of, instead of the
    /// system's. Read again when it changes.
    #[must_use]
    pub fn ca_file(self, ca_file: Option<PathBuf>) -> Self {
        Self { trust: Trust { ca_file, ..self.trust }, ..self }
    }

    /// PEM files of a certificate to show to servers, and of its key. Read again when they change:
    /// connections from then on show the new one.
    #[must_use]
    pub fn identity_files(self, identity: Option<(PathBuf, PathBuf)>) -> Self {
        Self { trust: Trust { identity, ..self.trust }, ..self }
    }

    /// Another way to look up the servers' names than the system's.
    #[must_use]
    pub fn resolver(self, resolver: impl Resolver) -> Self {
        Self { resolver: Arc::new(resolver), ..self }
    }

    /// Another clock than the boot clock, for simulations and tests.
    #[must_use]
    pub fn clock<D: Clock>(self, clock: D) -> Builder<D> {
        Builder {
            urls: self.urls,
            token: self.token,
            holder: self.holder,
            instance: self.instance,
            max_wait: self.max_wait,
            connect_timeout: self.connect_timeout,
            request_timeout: self.request_timeout,
            shutdown_timeout: self.shutdown_timeout,
            resolver: self.resolver,
            trust: self.trust,
            clock,
        }
    }

    /// Starts the client. Nothing is sent before the first draw.
    ///
    /// # Errors
    /// A setting cannot be used, or there is no tokio runtime to run on.
    pub fn build(self) -> Result<QuotaClient<C>, BuildError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let holder = format!("{}/{}", self.holder, self.instance);
        if self.holder.is_empty() || !is_name(&holder) {
            return Err(BuildError::Holder(MAX_NAME_BYTES));
        }
        let mut rng: StdRng = rand::make_rng();
        let servers = Servers::new(&self.urls, StdRng::from_rng(&mut rng))?;
        let patience = Duration::from_secs(if servers.may_have_others() { 1 } else { 2 });
        let wire = Wire::new(
            self.token.as_deref(),
            self.connect_timeout,
            self.request_timeout.unwrap_or(patience),
            self.resolver,
            self.trust,
        )?;
        let fleet = Fleet::new(Transport::new(wire, &servers)?, servers);
        let settings = driver::Settings { holder, shutdown_timeout: self.shutdown_timeout, rng };
        Ok(QuotaClient::start(&runtime, self.clock, self.max_wait, fleet, settings))
    }
}

/// The one place where a holder gets its identity.
#[expect(clippy::disallowed_methods, reason = "a process's identity, made once at its start")]
fn instance() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id.chars().take(12).collect()
}

impl<C: Clock> std::fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("urls", &self.urls)
            .field("token", &self.token.as_ref().map(|_| "redacted"))
            .field("trust", &self.trust)
            .field("holder", &self.holder)
            .field("instance", &self.instance)
            .field("max_wait", &self.max_wait)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}
