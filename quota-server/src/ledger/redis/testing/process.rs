use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use redis::aio::MultiplexedConnection;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::super::RedisAddress;
use super::until;

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
        redis.restart().await;
        redis
    }

    /// Starts it again, on what it has on disk.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        let child = Command::new(program())
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(self.folder.path())
            .args(&self.options)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        let this = &*self;
        until("Redis answers", || async move { this.try_ask("PING").await.is_ok() }).await;
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

    /// Whether something is in the answer to a command.
    pub(crate) async fn says(&self, command: &str, what: &str) -> bool {
        format!("{:?}", self.ask(command).await).contains(what)
    }

    async fn try_ask(&self, command: &str) -> redis::RedisResult<redis::Value> {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query_async(&mut self.try_connect().await?).await
    }

    async fn try_connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        client.get_multiplexed_async_connection().await
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(super) fn program() -> String {
    std::env::var("TOKENLEASE_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// A port below 49 152, which nobody is given for a connection of theirs meanwhile, and below 45 535,
/// since a node of a cluster takes the one 10 000 above it too.
pub(super) fn free_port() -> u16 {
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
