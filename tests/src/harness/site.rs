//! All processes of one scenario: an upstream, quota servers on a store, gateways.

use futures_util::future::try_join_all;
use quota_api::DeploymentSpec;
use serde_json::Value;

use super::{
    Gateway, HarnessError, QuotaServerBuilder, Route, Rung, Servers, Upstream, UpstreamBuilder,
};

/// What a site is to have.
#[derive(Debug, Clone, Default)]
pub struct SiteBuilder {
    upstream: UpstreamBuilder,
    server: QuotaServerBuilder,
    routes: Vec<Route>,
    router_settings: Value,
    gateways: usize,
    rung: Rung,
    servers: usize,
}

/// The running processes. Dropped, all of them are killed.
#[derive(Debug)]
pub struct Site {
    /// The quota servers, and what they keep the books in.
    pub servers: Servers,
    /// The gateways, `gw-0` first.
    pub gateways: Vec<Gateway>,
    /// The upstream that all gateways call.
    pub upstream: Upstream,
}

impl SiteBuilder {
    /// How long the upstream's answers take.
    #[must_use]
    pub fn upstream_latency(mut self, latency: &str) -> Self {
        self.upstream = self.upstream.latency(latency);
        self
    }

    /// A deployment and the gateways' way to it.
    #[must_use]
    pub fn deployment(mut self, group: &str, id: &str, model: &str, spec: DeploymentSpec) -> Self {
        self.routes.push(Route {
            group: group.to_owned(),
            deployment: id.to_owned(),
            model: model.to_owned(),
            tpm: spec.tpm_limit,
            rpm: spec.rpm_limit,
            base: None,
        });
        self.server = self.server.deployment(id, spec);
        self
    }

    /// A flag of the upstream's, as `--name=value`.
    #[must_use]
    pub fn upstream_flag(mut self, flag: impl Into<String>) -> Self {
        self.upstream = self.upstream.flag(flag);
        self
    }

    /// The gateways' `router_settings`.
    #[must_use]
    pub fn router_settings(mut self, settings: Value) -> Self {
        self.router_settings = settings;
        self
    }

    /// How many gateways.
    #[must_use]
    pub fn gateways(mut self, gateways: usize) -> Self {
        self.gateways = gateways;
        self
    }

    /// How many quota servers, on which rung of the storage ladder; one, embedded, without it.
    #[must_use]
    pub fn servers(mut self, rung: Rung, servers: usize) -> Self {
        (self.rung, self.servers) = (rung, servers);
        self
    }

    /// Starts everything.
    ///
    /// # Errors
    /// When one of the processes does not come up.
    pub async fn open(self) -> Result<Site, HarnessError> {
        let servers = Servers::start(self.rung, self.servers.max(1), &self.server);
        let (upstream, servers) = tokio::try_join!(self.upstream.start(), servers)?;
        let url = servers.url();
        let gateways = (0..self.gateways).map(|index| {
            Gateway::builder(&Site::holder(index), &url, upstream.process.url())
                .routes(&self.routes)
                .router_settings(&self.router_settings)
                .start()
        });
        let gateways = try_join_all(gateways).await?;
        Ok(Site { servers, gateways, upstream })
    }
}

impl Site {
    /// A site with nothing in it yet.
    #[must_use]
    pub fn builder() -> SiteBuilder {
        SiteBuilder::default()
    }

    /// What the gateway of this index calls itself.
    #[must_use]
    pub fn holder(index: usize) -> String {
        format!("gw-{index}")
    }
}
