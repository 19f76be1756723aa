use std::fs;
use std::process::{Child, Command, Stdio};

use redis::RedisResult;
use tempfile::TempDir;

use super::super::RedisAddress;
use super::process::{connect, program};
use super::{TestRedis, free_port, until};

/// A primary, its replica, and a Sentinel that promotes the replica when it is told that the
/// primary may have failed; by itself, on a busy machine, it would before.
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
             sentinel down-after-milliseconds books 3600000\n\
             sentinel failover-timeout books 2000\n",
            primary.port
        );
        fs::write(&file, settings).unwrap();
        let child = Command::new(program())
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let site = Self { primary, replica, port, child, _folder: folder };
        until("Sentinel knows both", || async {
            site.ask(redis::cmd("INFO").arg("sentinel"))
                .await
                .is_ok_and(|info| info.contains("status=ok") && info.contains("slaves=1"))
        })
        .await;
        site
    }

    /// The primary crashes, and Sentinel may say so.
    pub(crate) async fn lose_primary(&mut self) {
        self.primary.kill();
        let mut set = redis::cmd("SENTINEL");
        set.arg("SET").arg("books").arg("down-after-milliseconds").arg(300);
        self.ask(&set).await.unwrap();
    }

    async fn ask(&self, command: &redis::Cmd) -> RedisResult<String> {
        command.query_async(&mut connect(self.port).await?).await
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
