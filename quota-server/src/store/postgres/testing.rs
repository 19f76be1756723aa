//! A PostgreSQL of the tests' own: on a free port of this machine, with temporary data. Tests that
//! run at the same time share one, each with a database of its own; the last one stops it.

use std::ffi::OsString;
use std::fs::Permissions;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};
use tempfile::TempDir;
use tokio::time::sleep;

use super::Database;
use crate::tls::testing::Authority;

/// Names the folder of its programs; otherwise Debian's newest.
const FOLDER: &str = "TOKENLEASE_POSTGRES_BIN";
const VERSIONS: &str = "/usr/lib/postgresql";

/// It refuses to run as root: there it runs as the user that its package brings.
const AS_USER: [&str; 6] =
    ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--no-new-privs", "--"];

static SHARED: tokio::sync::Mutex<Weak<TestPostgres>> = tokio::sync::Mutex::const_new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A PostgreSQL that runs.
pub(crate) struct TestPostgres {
    address: SocketAddr,
    process: Mutex<Child>,
    room: TempDir,
}

/// An empty database in it.
#[derive(Clone)]
pub(crate) struct TestDatabase {
    pub(crate) postgres: Arc<TestPostgres>,
    pub(crate) url: String,
    pub(crate) database: Database,
}

impl TestDatabase {
    /// In the PostgreSQL that the tests share.
    pub(crate) async fn new() -> Self {
        let mut shared = SHARED.lock().await;
        let postgres = match shared.upgrade() {
            Some(postgres) => postgres,
            None => Arc::new(TestPostgres::start().await),
        };
        *shared = Arc::downgrade(&postgres);
        drop(shared);
        Self::on(postgres).await
    }

    /// In one that nobody else has.
    pub(crate) async fn alone() -> Self {
        Self::on(Arc::new(TestPostgres::start().await)).await
    }

    async fn on(postgres: Arc<TestPostgres>) -> Self {
        let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name}");
        let mut connection = postgres.admin().await;
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        let url = postgres.url(&name);
        let database = Database::new(&url).unwrap();
        Self { postgres, url, database }
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        self.database.connect_patiently().await.unwrap()
    }

    pub(crate) async fn sql(&self, statement: &'static str) {
        self.connect().await.execute(statement).await.unwrap();
    }
}

impl TestPostgres {
    async fn start() -> Self {
        let room = TempDir::new().unwrap();
        if geteuid().is_root() {
            run(Command::new("chown").arg("postgres").arg(room.path()));
        }
        let flags =
            ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-U", "tokenlease"];
        run(program("initdb", room.path()).args(flags));
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Mutex::new(launch(room.path(), address));
        let postgres = Self { address, process, room };
        postgres.wait().await;
        postgres
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://tokenlease@{}/{database}", self.address)
    }

    async fn admin(&self) -> PgConnection {
        Database::new(&self.url("postgres")).unwrap().connect_patiently().await.unwrap()
    }

    async fn wait(&self) {
        let database = Database::new(&self.url("postgres")).unwrap();
        for _ in 0..400 {
            if database.connect_patiently().await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("PostgreSQL does not come up");
    }

    /// Ends at once, as in a crash, and starts again on the same data.
    pub(crate) async fn restart(&self) {
        self.end(Signal::QUIT);
        *self.process.lock().unwrap() = launch(self.room.path(), self.address);
        self.wait().await;
    }

    /// Takes encrypted connections too, as 127.0.0.1 by this authority.
    pub(crate) async fn encrypt(&self, authority: &Authority) {
        let data = self.room.path().join("data");
        let (cert, key) = authority.leaf("127.0.0.1");
        for (name, text) in [("server.crt", cert), ("server.key", key)] {
            let path = data.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            if geteuid().is_root() {
                run(Command::new("chown").arg("postgres").arg(&path));
            }
        }
        let mut admin = self.admin().await;
        admin.execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        admin.execute("SELECT pg_reload_conf()").await.unwrap();
    }

    fn end(&self, signal: Signal) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = Pid::from_child(&process);
        let _gone = kill_process(pid, signal);
        let _status = process.wait();
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        self.end(Signal::QUIT);
    }
}

fn launch(room: &Path, address: SocketAddr) -> Child {
    let port = address.port().to_string();
    let mut command = program("postgres", room);
    command.args(["-h", "127.0.0.1", "-p", &port, "-k", ""]).args(["-c", "max_connections=200"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// One of its programs, on the data in this room.
fn program(name: &str, room: &Path) -> Command {
    let program: OsString = folder().join(name).into();
    let mut words: Vec<OsString> = AS_USER.map(OsString::from).to_vec();
    words.retain(|_| geteuid().is_root());
    words.push(program);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg("-D").arg(room.join("data")).current_dir("/");
    command
}

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return folder.into();
    }
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let newest = folders.filter(|folder| folder.join("initdb").exists()).max();
    newest
        .expect("Debian's postgresql is needed, or the folder of initdb in TOKENLEASE_POSTGRES_BIN")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
