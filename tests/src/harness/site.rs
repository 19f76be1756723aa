//! All processes of one scenario: an upstream, a quota server, gateways.

use futures_util::future::try_join_all;
use quota_api::DeploymentSpec;

use super::{
    Gateway, HarnessError, QuotaServer, QuotaServerBuilder, Route, Upstream, UpstreamBuilder,
};

/// What a site is to have.
#[derive(Debug, Clone, Default)]
pub struct SiteBuilder {
    upstream: UpstreamBuilder,
    server: QuotaServerBuilder,
    routes: Vec<Route>,
    gateways: usize,
}

/// The running processes. Dropped, all of them are killed.
#[derive(Debug)]
pub struct Site {
    /// The quota server.
    pub server: QuotaServer,
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
        });
        self.server = self.server.deployment(id, spec);
        self
    }

    /// How many gateways.
    #[must_use]
    pub fn gateways(mut self, gateways: usize) -> Self {
        self.gateways = gateways;
        self
    }

    /// Starts everything.
    ///
    /// # Errors
    /// When one of the processes does not come up.
    pub async fn open(self) -> Result<Site, HarnessError> {
        let (upstream, server) = tokio::try_join!(self.upstream.start(), self.server.start())?;
        let gateways = (0..self.gateways).map(|index| {
            Gateway::builder(&Site::holder(index), server.process.url(), upstream.process.url())
                .routes(&self.routes)
                .start()
        });
        let gateways = try_join_all(gateways).await?;
        Ok(Site { server, gateways, upstream })
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
