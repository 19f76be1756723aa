//! The quota server as a process, on the embedded ledger.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use quota_api::DeploymentSpec;
use serde_json::json;
use tempfile::TempDir;

use super::{
    HarnessError, Process, binaries, ports,
    process::{Launch, write},
};

/// How a quota server is to be started.
#[derive(Debug, Clone, Default)]
pub struct QuotaServerBuilder {
    deployments: BTreeMap<String, DeploymentSpec>,
    environment: Vec<(String, String)>,
    flags: Vec<String>,
}

/// A quota server that runs, or ran, with its data.
#[derive(Debug)]
pub struct QuotaServer {
    /// Its process.
    pub process: Process,
    launch: Launch,
    address: SocketAddr,
    room: TempDir,
}

impl QuotaServerBuilder {
    /// A deployment of its declarative file.
    #[must_use]
    pub fn deployment(mut self, id: impl Into<String>, spec: DeploymentSpec) -> Self {
        self.deployments.insert(id.into(), spec);
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// A flag of its own, as `--name=value`.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Starts it with an empty data directory.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(self) -> Result<QuotaServer, HarnessError> {
        let room = TempDir::new().map_err(HarnessError::io("a temporary folder"))?;
        let address = ports::free()?;
        write_deployments(&room.path().join(DEPLOYMENTS), &self.deployments)?;
        let launch = self.launch(room.path(), address).await?;
        let process = launch.start().await?;
        Ok(QuotaServer {
            process,
            launch,
            address,
            room,
        })
    }

    async fn launch(self, room: &Path, address: SocketAddr) -> Result<Launch, HarnessError> {
        let mut arguments = vec![
            "--listen".into(),
            address.to_string().into(),
            "--data-dir".into(),
            room.join(DATA).into_os_string(),
            "--deployments".into(),
            room.join(DEPLOYMENTS).into_os_string(),
        ];
        arguments.extend(self.flags.into_iter().map(Into::into));
        Ok(Launch {
            name: "quota-server".to_owned(),
            program: binaries::path("quota-server").await?,
            arguments,
            environment: self.environment,
            log: room.join("quota-server.log"),
        })
    }
}

const DEPLOYMENTS: &str = "deployments.yaml";
const DATA: &str = "data";

/// JSON is YAML.
fn write_deployments(
    path: &Path,
    deployments: &BTreeMap<String, DeploymentSpec>,
) -> Result<(), HarnessError> {
    write(
        path,
        &format!("{:#}", json!({ "deployments": deployments })),
    )
}

impl QuotaServer {
    /// A quota server with no deployment yet.
    #[must_use]
    pub fn builder() -> QuotaServerBuilder {
        QuotaServerBuilder::default()
    }

    /// Once it has ended: starts it again, on the same port and data.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_again(&mut self) -> Result<(), HarnessError> {
        self.process = self.launch.start().await?;
        Ok(())
    }

    /// Kills it and starts it again.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn kill_and_start_again(&mut self) -> Result<(), HarnessError> {
        self.process.kill()?;
        self.start_again().await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its data are.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.room.path().join(DATA)
    }

    /// Writes its declarative file anew; it reads it at its next start or SIGHUP.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn declare(
        &self,
        deployments: &BTreeMap<String, DeploymentSpec>,
    ) -> Result<(), HarnessError> {
        write_deployments(&self.room.path().join(DEPLOYMENTS), deployments)
    }
}
