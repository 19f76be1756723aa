//! The same ways to Redis, over TLS.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::super::testing::{TestRedis, free_port, program, until};
use super::*;
use crate::tls::testing::Authority;

const NOTHING: &str = "#!lua name=nothing
redis.register_function('nothing', function() return 1 end)";

/// The files of a Redis at 127.0.0.1, and who trusts them.
struct Site {
    authority: Authority,
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
        authority.files("127.0.0.1", folder.path());
        Self { authority, folder }
    }

    /// The settings of TLS, in pairs.
    fn settings(&self, port: u16) -> Vec<(String, String)> {
        let file = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        [
            ("tls-port", port.to_string()),
            ("tls-cert-file", file("server.pem")),
            ("tls-key-file", file("server.key")),
            ("tls-ca-cert-file", file("ca.pem")),
            ("tls-auth-clients", "no".to_owned()),
            ("tls-replication", "yes".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    async fn redis(&self, port: u16, more: &[&str]) -> TestRedis {
        let settings = self.settings(port);
        let settings =
            settings.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]);
        let settings: Vec<String> = settings.collect();
        let options = ["--save", ""].into_iter().chain(settings.iter().map(String::as_str));
        TestRedis::start_with(&options.chain(more.iter().copied()).collect::<Vec<_>>()).await
    }

    fn address(&self, text: &str) -> RedisAddress {
        text.parse::<RedisAddress>().unwrap().trusting(self.authority.pem().as_bytes())
    }
}

async fn answers(address: RedisAddress, patience: Duration) -> bool {
    let stop = CancellationToken::new();
    let link = Link::begin(address, NOTHING.into(), &TaskTracker::new(), stop.clone());
    let reached = link.reached(patience).await.is_ok();
    let answered = link.run(vec![redis::cmd("FCALL").arg("nothing").arg(0).take()]).await;
    stop.cancel();
    reached && answered[0].is_ok()
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn one_redis_whose_certificate_is_verified() {
    let (site, port) = (Site::new(), free_port());
    let _redis = site.redis(port, &[]).await;
    let url = format!("rediss://127.0.0.1:{port}");
    assert!(answers(site.address(&url), LONG).await);
    let other = url.parse::<RedisAddress>().unwrap().trusting(Authority::new().pem().as_bytes());
    assert!(!answers(other, Duration::from_millis(500)).await, "of another authority");
    let elsewhere = site.address(&format!("rediss://localhost:{port}"));
    assert!(!answers(elsewhere, Duration::from_millis(500)).await, "of another name");
}

#[tokio::test]
async fn a_cluster() {
    let (site, port) = (Site::new(), free_port());
    let node = site.redis(port, &["--cluster-enabled", "yes", "--tls-cluster", "yes"]).await;
    node.ask("CLUSTER ADDSLOTSRANGE 0 16383").await;
    until("it is complete", || node.says("CLUSTER INFO", "cluster_state:ok")).await;
    assert!(answers(site.address(&format!("rediss+cluster://127.0.0.1:{port}")), LONG).await);
}

struct Sentinel(Child);

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn the_master_that_sentinel_names() {
    let (site, master, port) = (Site::new(), free_port(), free_port());
    let _redis = site.redis(master, &[]).await;
    let file = site.folder.path().join("sentinel.conf");
    let settings = site.settings(port);
    let settings: String =
        settings.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
    let watch = format!("port 0\nbind 127.0.0.1\nsentinel monitor books 127.0.0.1 {master} 1\n");
    std::fs::write(&file, settings + &watch).unwrap();
    let child = Command::new(program()).arg(&file).arg("--sentinel").stdout(Stdio::null()).spawn();
    let _sentinel = Sentinel(child.unwrap());
    let address = site.address(&format!("rediss+sentinel://127.0.0.1:{port}/books"));
    assert!(answers(address, LONG).await);
}
