//! A PostgreSQL of our own: an empty database in a temporary folder, on a free port.
//!
//! It refuses to run as root, so there it runs as the user that its Debian package brings.

use std::{
    env,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::{HarnessError, Process, ports, process::Launch};

/// Names the folder of its programs.
const FOLDER: &str = "TOKENLEASE_POSTGRES_BIN";
/// Where Debian has a folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";
const HINT: &str = "install Debian's postgresql, or name the folder of initdb in \
                    TOKENLEASE_POSTGRES_BIN";
const READY: &str = "database system is ready to accept connections";
/// Who it runs as when we are root.
const SYSTEM_USER: &str = "postgres";
const USER: &str = "tokenlease";

/// A PostgreSQL that runs, or ran, with its data.
#[derive(Debug)]
pub struct Postgres {
    /// Its first process.
    pub process: Process,
    launch: Launch,
    address: SocketAddr,
    _room: TempDir,
}

impl Postgres {
    /// Starts one with an empty database.
    ///
    /// # Errors
    /// When its programs are missing, or it does not come up.
    pub async fn start() -> Result<Self, HarnessError> {
        let folder = folder()?;
        let room = TempDir::new().map_err(HarnessError::io("a temporary folder"))?;
        let data = room.path().join("data");
        if is_root() {
            run(Command::new("chown").arg(SYSTEM_USER).arg(room.path())).await?;
        }
        make(&folder, &data).await?;
        let address = ports::free_address()?;
        let launch = launch(&folder, &data, address, room.path().join("postgres.log"));
        let process = launch.start_until(READY).await?;
        Ok(Self { process, launch, address, _room: room })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What servers are given, when they reach it at this address.
    #[must_use]
    pub fn url_at(address: SocketAddr) -> String {
        format!("postgres://{USER}@{address}/postgres")
    }

    /// What servers are given.
    #[must_use]
    pub fn url(&self) -> String {
        Self::url_at(self.address)
    }

    /// Once it was killed: starts it again on the same port and data.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_again(&mut self) -> Result<(), HarnessError> {
        let mut result = self.launch.start_until(READY).await;
        // Processes of a killed one take a moment to see that they are orphans, and until then no
        // other may touch their data.
        for _ in 0..5 {
            if !matches!(result, Err(HarnessError::Ended { .. })) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            result = self.launch.start_until(READY).await;
        }
        self.process = result?;
        Ok(())
    }
}

/// Killed, it would leave shared memory behind.
impl Drop for Postgres {
    fn drop(&mut self) {
        // One that was killed by the test is not there to be asked.
        drop(self.process.quit());
    }
}

fn launch(folder: &Path, data: &Path, address: SocketAddr, log: PathBuf) -> Launch {
    let port = address.port().to_string();
    let mut words: Vec<OsString> =
        [folder.join("postgres").into(), "-D".into(), data.into()].into();
    words.extend(["-h", "127.0.0.1", "-p", &port, "-k", ""].map(Into::into));
    words.extend(["-c", "max_connections=300"].map(Into::into));
    let mut words = as_user(words).into_iter();
    let program = words.next().map(PathBuf::from).unwrap_or_default();
    Launch { name: "postgres".to_owned(), program, arguments: words.collect(), log }
}

async fn make(folder: &Path, data: &Path) -> Result<(), HarnessError> {
    let mut words: Vec<OsString> = [folder.join("initdb").into(), "-D".into(), data.into()].into();
    words.extend(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"].map(Into::into));
    words.extend(["-U", USER].map(Into::into));
    let words = as_user(words);
    run(Command::new(&words[0]).args(&words[1..])).await
}

/// The words of a command, before it `setpriv` if we are root; its process becomes the command's.
fn as_user(words: Vec<OsString>) -> Vec<OsString> {
    if !is_root() {
        return words;
    }
    let user = ["--reuid", SYSTEM_USER, "--regid", SYSTEM_USER, "--clear-groups", "--"];
    let setpriv = ["setpriv"].into_iter().chain(user).map(OsString::from);
    setpriv.chain(words).collect()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

async fn run(command: &mut Command) -> Result<(), HarnessError> {
    let what = format!("{:?}", command.as_std().get_program());
    // Our own folder may be one that the other user may not enter.
    let output = command.current_dir("/").output().await.map_err(HarnessError::io(&what))?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(HarnessError::Ended { name: what, status: output.status.to_string(), log })
}

/// The newest version's.
fn folder() -> Result<PathBuf, HarnessError> {
    if let Some(folder) = env::var_os(FOLDER) {
        return Ok(folder.into());
    }
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let folders = folders.filter(|folder| folder.join("initdb").exists());
    folders
        .max_by_key(|folder| version(folder))
        .ok_or_else(|| HarnessError::Missing { path: VERSIONS.into(), hint: HINT.to_owned() })
}

fn version(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}
