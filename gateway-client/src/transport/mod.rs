//! The lease API over HTTP: requests out, answers or problem documents in.

mod connections;
mod reading;
mod trust;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use quota_api::{Batch, BatchReply, DeploymentSpec, routes};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use tracing::Span;

use crate::servers::{Origin, Servers};
use crate::{BuildError, CallError};
use connections::Connections;

pub(crate) use connections::Wire;
pub(crate) use reading::{Trouble, outcome};
pub(crate) use trust::Trust;

/// A name that is not looked up by then is not.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub(crate) struct Transport {
    connections: Arc<Connections>,
}

impl Transport {
    /// # Errors
    /// A file of TLS cannot be used, or the HTTP client cannot be set up.
    pub(crate) fn new(wire: Wire, servers: &Servers) -> Result<Self, BuildError> {
        let connections = Connections::new(wire)?;
        for target in servers.targets() {
            connections.client(&target.origin)?;
        }
        Ok(Self { connections: Arc::new(connections) })
    }

    pub(crate) async fn batch(
        &self,
        server: &Origin,
        batch: &Batch,
    ) -> Result<BatchReply, CallError> {
        let request = self.connections.client(server)?.post(server.url(segments(routes::BATCH)));
        let mut headers = HeaderMap::new();
        traces::carry(&Span::current(), &mut headers);
        reading::answer(request.headers(headers).json(batch)).await
    }

    /// Makes or changes a deployment, reads it where there is nothing to change, or reads all where
    /// none is named.
    pub(crate) async fn catalogue<T: DeserializeOwned>(
        &self,
        server: &Origin,
        id: Option<&str>,
        spec: Option<&DeploymentSpec>,
    ) -> Result<T, CallError> {
        let url = server.url(segments(routes::DEPLOYMENTS).chain(id));
        let http = self.connections.client(server)?;
        reading::answer(match spec {
            Some(spec) => http.request(Method::PUT, url).json(spec),
            None => http.get(url),
        })
        .await
    }

    pub(crate) async fn is_ready(&self, server: &Origin) -> bool {
        let Ok(http) = self.connections.client(server) else {
            return false;
        };
        let answer = http.get(server.url(segments(routes::READYZ))).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    pub(crate) async fn look_up(&self, host: &str) -> Vec<IpAddr> {
        let found = self.connections.resolver().look_up(host);
        match tokio::time::timeout(LOOKUP_TIMEOUT, found).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(error)) => {
                tracing::debug!(host, %error, "a name could not be looked up");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }
}

fn segments(route: &str) -> impl Iterator<Item = &str> {
    route.trim_start_matches('/').split('/')
}
