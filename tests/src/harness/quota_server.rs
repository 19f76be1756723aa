//! The quota server as a process, on the embedded ledger unless a flag says otherwise.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use quota_api::{DeploymentSpec, WindowBook, WindowList};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{
    HarnessError, Papers, Process, binaries, ports,
    process::{Launch, write},
};
use crate::clock::MINUTE_MS;

/// How a quota server is to be started.
#[derive(Debug, Clone, Default)]
pub struct QuotaServerBuilder {
    deployments: BTreeMap<String, DeploymentSpec>,
    tokens: String,
    flags: Vec<String>,
    data_dir: Option<PathBuf>,
    ignored_signal: Option<&'static str>,
    address: Option<SocketAddr>,
    program: Option<PathBuf>,
}

/// A quota server that runs, or ran, with its data.
#[derive(Debug)]
pub struct QuotaServer {
    /// Its process.
    pub process: Process,
    launch: Launch,
    address: SocketAddr,
    data_dir: PathBuf,
    http: reqwest::Client,
    room: TempDir,
}

impl QuotaServerBuilder {
    /// A deployment of its declarative file.
    #[must_use]
    pub fn deployment(mut self, id: impl Into<String>, spec: DeploymentSpec) -> Self {
        self.deployments.insert(id.into(), spec);
        self
    }

    /// A bearer token, by its text, that it lets in. Without any it lets in everybody.
    #[must_use]
    pub fn token(mut self, name: &str, role: &str, text: &str) -> Self {
        let sha256: String =
            Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        self.tokens += &entry("token", name, role, "sha256", &sha256);
        self
    }

    /// A certificate that it lets in, by a name in it.
    #[must_use]
    pub fn certificate(mut self, name: &str, role: &str, san: &str) -> Self {
        self.tokens += &entry("certificate", name, role, "san", san);
        self
    }

    /// Encrypted, with these papers.
    #[must_use]
    pub fn encrypted(self, papers: &Papers) -> Self {
        let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
        self.flag(flag("tls-cert", &papers.cert)).flag(flag("tls-key", &papers.key))
    }

    /// Data of another server, instead of an empty folder of its own.
    #[must_use]
    pub fn data_dir(mut self, data_dir: &Path) -> Self {
        self.data_dir = Some(data_dir.to_owned());
        self
    }

    /// Where it is to listen; without it, on a port of its own choice.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Another build of the server than the one beside this program.
    #[must_use]
    pub fn program(mut self, program: &Path) -> Self {
        self.program = Some(program.to_owned());
        self
    }

    /// Starts it with a signal (`XFSZ`) ignored.
    #[must_use]
    pub fn with_signal_ignored(mut self, signal: &'static str) -> Self {
        self.ignored_signal = Some(signal);
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
        let address = self.address.map_or_else(ports::free_address, Ok)?;
        write_deployments(&room.path().join(DEPLOYMENTS), &self.deployments)?;
        let data_dir = self.data_dir.clone().unwrap_or_else(|| room.path().join("data"));
        let launch = self.launch(room.path(), &data_dir, address).await?;
        let process = launch.start().await?;
        let http = reqwest::Client::new();
        Ok(QuotaServer { process, launch, address, data_dir, http, room })
    }

    async fn launch(
        self,
        room: &Path,
        data_dir: &Path,
        address: SocketAddr,
    ) -> Result<Launch, HarnessError> {
        let mut arguments: Vec<OsString> = vec![
            "--listen".into(),
            address.to_string().into(),
            "--data-dir".into(),
            data_dir.into(),
            "--deployments".into(),
            room.join(DEPLOYMENTS).into(),
        ];
        if !self.tokens.is_empty() {
            write(&room.join(TOKENS), &self.tokens)?;
            arguments.extend(["--tokens-file".into(), room.join(TOKENS).into()]);
        }
        arguments.extend(self.flags.into_iter().map(Into::into));
        let program = match self.program {
            Some(program) => program,
            None => binaries::path("quota-server").await?,
        };
        let launch = Launch {
            name: "quota-server".to_owned(),
            program,
            arguments,
            log: room.join("quota-server.log"),
        };
        Ok(match self.ignored_signal {
            Some(signal) => launch.with_signal_ignored(signal),
            None => launch,
        })
    }
}

const DEPLOYMENTS: &str = "deployments.yaml";
const TOKENS: &str = "tokens.toml";

fn entry(kind: &str, name: &str, role: &str, by: &str, value: &str) -> String {
    format!("[[{kind}]]\nname = \"{name}\"\nrole = \"{role}\"\n{by} = \"{value}\"\n")
}

/// JSON is YAML.
fn write_deployments(
    path: &Path,
    deployments: &BTreeMap<String, DeploymentSpec>,
) -> Result<(), HarnessError> {
    write(path, &format!("{:#}", json!({ "deployments": deployments })))
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

    /// A client with connections of its own to it.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Where its data are.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
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

    /// Gives it the tokens and certificates of this builder; it reads them at its next look or
    /// SIGHUP.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn let_in(&self, builder: &QuotaServerBuilder) -> Result<(), HarnessError> {
        write(&self.room.path().join(TOKENS), &builder.tokens)
    }

    /// The book of a minute (counted since 1970) of a deployment, if anything happened in it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn book(
        &self,
        deployment: &str,
        unix_minute: u64,
    ) -> Result<Option<WindowBook>, HarnessError> {
        let path = format!("/v1/deployments/{deployment}/windows?last=60");
        let list: WindowList = self.fetch(&path).await?.json().await?;
        let mut books = list.windows.into_iter();
        Ok(books.find(|book| minute_of(&book.starts_at) == Some(unix_minute)))
    }

    /// A counter, summed over its labels; 0 if there is none of the name.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metric(&self, name: &str) -> Result<u64, HarnessError> {
        let text = self.fetch(quota_api::routes::METRICS).await?.text().await?;
        Ok(text.lines().filter_map(|line| sample(line, name)).sum())
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.fetch(quota_api::routes::READYZ).await.is_ok()
    }

    async fn fetch(&self, path: &str) -> Result<reqwest::Response, HarnessError> {
        let answer = self.http.get(format!("{}{path}", self.process.url())).send().await?;
        Ok(answer.error_for_status()?)
    }
}

fn minute_of(rfc3339: &str) -> Option<u64> {
    let start: jiff::Timestamp = rfc3339.parse().ok()?;
    u64::try_from(start.as_millisecond()).ok().map(|ms| ms / MINUTE_MS)
}

/// The value of a line of Prometheus' text format, if it is of this counter.
fn sample(line: &str, name: &str) -> Option<u64> {
    let rest = line.strip_prefix(name)?;
    let is_whole_name = rest.starts_with(['{', ' ']);
    let value = rest.rsplit(' ').next().filter(|_| is_whole_name)?;
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_samples_of_the_very_name_count() {
        assert_eq!(sample("quota_grants_total 12", "quota_grants_total"), Some(12));
        assert_eq!(sample(r#"quota_denied_total{unit="tokens"} 3"#, "quota_denied_total"), Some(3));
        assert_eq!(sample("quota_grants_total_more 12", "quota_grants_total"), None);
        assert_eq!(sample("# HELP quota_grants_total 5", "quota_grants_total"), None);
    }

    #[test]
    fn a_book_is_found_by_its_minute() {
        assert_eq!(minute_of("1970-01-01T00:02:00Z"), Some(2));
        assert_eq!(minute_of("not a time"), None);
    }
}
