use std::fs;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::super::RedisAddress;
use super::process::{free_port, program};
use super::{TestRedis, until};

/// A primary and its replica, and one Sentinel that promotes the replica when the primary is gone.
pub(crate) struct TestSentinel {
    pub(crate) primary: TestRedis,
    pub(crate) replica: TestRedis,
    port: u16,
    child: Child,
    _folder: TempDir,
}

impl TestSentinel {
    pub(crate) async fn start() -> Self {
        let primary = TestRedis::start().await;
        let replica = TestRedis::start().await;
        replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await;
        until("it follows", || replica.says("INFO replication", "master_link_status:up")).await;
        let (port, folder) = (free_port(), TempDir::new().unwrap());
        let file = folder.path().join("sentinel.conf");
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor books 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds books 300\nsentinel failover-timeout books 2000\n",
            primary.port
        );
        fs::write(&file, settings).unwrap();
        let child = Command::new(program())
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        Self { primary, replica, port, child, _folder: folder }
    }

    pub(crate) fn address(&self) -> RedisAddress {
        format!("redis+sentinel://127.0.0.1:{}/books", self.port).parse().unwrap()
    }
}

impl Drop for TestSentinel {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
