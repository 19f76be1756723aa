use std::time::Duration;

use quota_api::limits::MAX_NAME_BYTES;

use crate::clock::{BootClock, Clock};
use crate::handle::is_name;
use crate::transport::Transport;
use crate::{BuildError, QuotaClient, driver};

/// Settings of a [`QuotaClient`].
#[derive(Clone)]
pub struct Builder<C: Clock = BootClock> {
    url: String,
    token: Option<String>,
    holder: String,
    instance: String,
    max_wait: Duration,
    request_timeout: Duration,
    shutdown_timeout: Duration,
    clock: C,
}

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            token: None,
            holder: "gateway".to_owned(),
            instance: instance(),
            max_wait: Duration::from_millis(500),
            request_timeout: Duration::from_secs(2),
            shutdown_timeout: Duration::from_secs(2),
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

    /// How long an answer of the server is waited for: 2 s by default.
    #[must_use]
    pub fn request_timeout(self, request_timeout: Duration) -> Self {
        Self { request_timeout, ..self }
    }

    /// How long [`QuotaClient::shutdown`] tries to give everything back: 2 s by default.
    #[must_use]
    pub fn shutdown_timeout(self, shutdown_timeout: Duration) -> Self {
        Self { shutdown_timeout, ..self }
    }

    /// Another clock than the boot clock, for simulations and tests.
    #[must_use]
    pub fn clock<D: Clock>(self, clock: D) -> Builder<D> {
        Builder {
            url: self.url,
            token: self.token,
            holder: self.holder,
            instance: self.instance,
            max_wait: self.max_wait,
            request_timeout: self.request_timeout,
            shutdown_timeout: self.shutdown_timeout,
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
        let transport = Transport::new(&self.url, self.token.as_deref(), self.request_timeout)?;
        let settings = driver::Settings {
            holder,
            shutdown_timeout: self.shutdown_timeout,
            rng: rand::make_rng(),
        };
        Ok(QuotaClient::start(&runtime, self.clock, self.max_wait, transport, settings))
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
            .field("url", &self.url)
            .field("token", &self.token.as_ref().map(|_| "redacted"))
            .field("holder", &self.holder)
            .field("instance", &self.instance)
            .field("max_wait", &self.max_wait)
            .field("request_timeout", &self.request_timeout)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}
