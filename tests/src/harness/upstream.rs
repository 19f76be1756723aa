//! The upstream as a process.

use std::net::SocketAddr;

use tempfile::TempDir;
use upstream::{Arrival, AuditReport, Sent};

use super::{HarnessError, Process, binaries, ports, process::Launch};

/// How an upstream is to be started.
#[derive(Debug, Clone, Default)]
pub struct UpstreamBuilder {
    flags: Vec<String>,
    address: Option<SocketAddr>,
}

/// An upstream that runs.
#[derive(Debug)]
pub struct Upstream {
    /// Its process.
    pub process: Process,
    http: reqwest::Client,
    _room: TempDir,
}

impl UpstreamBuilder {
    /// How long its answers take, as its `--latency` has it.
    #[must_use]
    pub fn latency(self, latency: &str) -> Self {
        self.flag(format!("--latency={latency}"))
    }

    /// Where it is to listen; without it, on a port of its own choice.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// A flag of its own, as `--name=value`.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(self) -> Result<Upstream, HarnessError> {
        let room = TempDir::new().map_err(HarnessError::io("a temporary folder"))?;
        let address = self.address.map_or_else(ports::free_address, Ok)?;
        let mut arguments = vec!["--listen".into(), address.to_string().into()];
        arguments.extend(self.flags.into_iter().map(Into::into));
        let launch = Launch {
            name: "upstream".to_owned(),
            program: binaries::path("upstream").await?,
            arguments,
            log: room.path().join("upstream.log"),
        };
        let process = launch.start().await?;
        Ok(Upstream { process, http: reqwest::Client::new(), _room: room })
    }
}

impl Upstream {
    /// An upstream that answers at once.
    #[must_use]
    pub fn builder() -> UpstreamBuilder {
        UpstreamBuilder::default()
    }

    /// What reached it so far.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn audit(&self) -> Result<AuditReport, HarnessError> {
        let answer = self.http.get(format!("{}/audit", self.process.url())).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Everything that reached it, one by one.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn arrivals(&self) -> Result<Vec<Arrival>, HarnessError> {
        let answer = self.http.get(format!("{}/audit/events", self.process.url())).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// The last requests that reached it, as they came, the oldest first.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn wire(&self) -> Result<Vec<Sent>, HarnessError> {
        let answer = self.http.get(format!("{}/audit/wire", self.process.url())).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}
