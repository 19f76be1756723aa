use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::super::RedisAddress;

const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis that dies with the test.
pub(crate) struct TestRedis {
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    options: Vec<String>,
    child: Option<Child>,
}

impl TestRedis {
    /// One that keeps nothing.
    pub(crate) async fn start() -> Self {
        Self::start_with(&["--save", ""]).await
    }

    /// One that has everything on disk before it answers.
    pub(crate) async fn start_durable() -> Self {
        Self::start_with(&super::DURABLE).await
    }

    pub(crate) async fn start_with(options: &[&str]) -> Self {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let folder = TempDir::new().unwrap();
        let mut redis = Self { port: free_port(), folder, options, child: None };
        for _ in 0..5 {
            if redis.begin().await {
                return redis;
            }
            // Somebody else may have taken a port that was free just now.
            redis.port = free_port();
        }
        panic!("redis-server does not start");
    }

    /// Starts it again, on what it has on disk.
    pub(crate) async fn restart(&mut self) {
        assert!(self.begin().await, "its port is free");
    }

    /// Starts it; whether it answers, and not another one at its port.
    async fn begin(&mut self) -> bool {
        self.kill();
        let child = Command::new(program())
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(self.folder.path())
            .args(&self.options)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let itself = format!("process_id:{}\r", child.id());
        let child = self.child.insert(child);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            if let Ok(info) = info(self.port).await
                && info.contains(&itself)
                && info.contains("\nloading:0")
            {
                return true;
            }
            sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// Starts it again with other options.
    pub(crate) async fn reconfigure(&mut self, options: &[&str]) {
        self.options = options.iter().map(|&option| option.to_owned()).collect();
        self.restart().await;
    }

    /// Starts it again with nothing on disk.
    pub(crate) async fn restart_empty(&mut self) {
        self.kill();
        self.folder = TempDir::new().unwrap();
        self.restart().await;
    }

    /// A copy of what it has on disk.
    pub(crate) async fn copied(&self) -> TempDir {
        let is_whole = || self.says("INFO persistence", "aof_rewrite_in_progress:0");
        super::until("its files are whole", is_whole).await;
        let kept = TempDir::new().unwrap();
        copy(&self.folder.path().join(FILES), &kept.path().join(FILES));
        kept
    }

    /// Crashes, and comes back with a copy in the place of what it had on disk.
    pub(crate) async fn restart_with(&mut self, kept: &TempDir) {
        self.kill();
        let files = self.folder.path().join(FILES);
        fs::remove_dir_all(&files).unwrap();
        copy(&kept.path().join(FILES), &files);
        self.restart().await;
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it in its tracks: it keeps its connections and answers nothing.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    pub(crate) fn address(&self) -> RedisAddress {
        format!("redis://127.0.0.1:{}", self.port).parse().unwrap()
    }

    /// Runs a command, given as words.
    pub(crate) async fn ask(&self, command: &str) -> redis::Value {
        self.try_ask(command).await.unwrap()
    }

    /// Loads a function library, as an administrator does.
    pub(crate) async fn load(&self, code: &str) {
        let mut load = redis::cmd("FUNCTION");
        load.arg("LOAD").arg(code);
        load.exec_async(&mut connect(self.port).await.unwrap()).await.unwrap();
    }

    /// Whether something is in the answer to a command.
    pub(crate) async fn says(&self, command: &str, what: &str) -> bool {
        self.try_ask(command).await.is_ok_and(|answer| format!("{answer:?}").contains(what))
    }

    async fn try_ask(&self, command: &str) -> redis::RedisResult<redis::Value> {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query_async(&mut connect(self.port).await?).await
    }
}

/// Where a Redis that appends to files has them.
const FILES: &str = "appendonlydir";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

async fn info(port: u16) -> redis::RedisResult<String> {
    redis::cmd("INFO").arg("server").arg("persistence").query_async(&mut connect(port).await?).await
}

/// Connects to a Redis on this machine.
pub(super) async fn connect(port: u16) -> redis::RedisResult<MultiplexedConnection> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
    // A busy machine is no failure.
    let patient = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&patient).await
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn program() -> String {
    std::env::var("TOKENLEASE_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// A port below 49 152, which nobody is given for a connection of theirs meanwhile, and below 45
/// 535, since a node of a cluster takes the one 10 000 above it too.
pub(crate) fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 200).unwrap() * 100;
    loop {
        let port = 12_000 + (spread + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}
