//! The same ways to Redis, over TLS.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::super::testing::{TestRedis, free_port, program, until};
use super::*;
use crate::password::PasswordSource;
use crate::tls::testing::Authority;

const NOTHING: &str = "#!lua name=nothing
redis.register_function('nothing', function() return 1 end)
redis.register_function('tl_test_probe', function() return 1 end)";

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
        self.address_trusting(text, "ca.pem")
    }
}

impl Site {
    fn address_trusting(&self, text: &str, file: &str) -> RedisAddress {
        let authorities = Some(self.folder.path().join(file));
        let files = RedisFiles { authorities, ..RedisFiles::default() };
        text.parse::<RedisAddress>().unwrap().with_files(files)
    }
}

async fn answers(address: RedisAddress, patience: Duration) -> bool {
    let stop = CancellationToken::new();
    let link =
        Link::begin(address, Library::of(NOTHING, "test"), &TaskTracker::new(), stop.clone());
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
    std::fs::write(site.folder.path().join("other.pem"), Authority::new().pem()).unwrap();
    let other = site.address_trusting(&url, "other.pem");
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

impl Site {
    /// What is shown to those who want to see a certificate.
    fn papers(&self) -> RedisFiles {
        let (cert, key) = self.authority.leaf("quota");
        let [cert, key] = [("client.pem", cert), ("client.key", key)].map(|(name, text)| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        });
        let authorities = Some(self.folder.path().join("ca.pem"));
        RedisFiles { authorities, certificate: Some((cert, key)), ..RedisFiles::default() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

#[tokio::test]
async fn one_redis_that_wants_to_see_a_certificate() {
    let (site, port) = (Site::new(), free_port());
    let _redis = site.redis(port, &["--tls-auth-clients", "yes"]).await;
    let url = format!("rediss://127.0.0.1:{port}");
    let address = || url.parse::<RedisAddress>().unwrap();
    assert!(answers(address().with_files(site.papers()), LONG).await);
    let without = RedisFiles { certificate: None, ..site.papers() };
    assert!(!answers(address().with_files(without), Duration::from_millis(500)).await);
    let (cert, key) = Authority::new().leaf("quota");
    let foreign = Some((site.file("foreign.pem", &cert), site.file("foreign.key", &key)));
    let foreign = RedisFiles { certificate: foreign, ..site.papers() };
    assert!(!answers(address().with_files(foreign), Duration::from_millis(500)).await);
}

/// As people run it: passwords on Redis and on Sentinel, and both want to see a certificate.
#[tokio::test]
async fn the_master_that_a_guarded_sentinel_names() {
    let (site, master, port) = (Site::new(), free_port(), free_port());
    let redis = site.redis(master, &["--tls-auth-clients", "yes"]).await;
    redis.ask("ACL SETUSER quota on >one ~* &* +@all").await;
    let settings = format!(
        "{}user sentry on >two ~* &* +@all\nuser default off\n",
        site.sentinel(master, port, "yes")
    );
    let _sentinel = Sentinel::start(&site.file("sentinel.conf", &settings));
    let url = format!("rediss+sentinel://quota@127.0.0.1:{port}/books");
    let files = || RedisFiles {
        password: Some(PasswordSource::File(site.file("redis-password", "one\n"))),
        sentinel_user: Some("sentry".to_owned()),
        sentinel_password: Some(PasswordSource::File(site.file("sentinel-password", "two\n"))),
        ..site.papers()
    };
    let address = |files| url.parse::<RedisAddress>().unwrap().with_files(files);
    assert!(answers(address(files()), LONG).await);
    let wrong = PasswordSource::File(site.file("wrong", "three"));
    for files in [
        RedisFiles { certificate: None, ..files() },
        RedisFiles { sentinel_password: Some(wrong.clone()), ..files() },
        RedisFiles { password: Some(wrong), ..files() },
    ] {
        assert!(!answers(address(files), Duration::from_millis(500)).await);
    }
}

struct Sentinel(Child);

impl Sentinel {
    fn start(file: &Path) -> Self {
        let mut command = Command::new(program());
        Self(command.arg(file).arg("--sentinel").stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Site {
    /// The file of a Sentinel that watches this master; `wants` certificates or not.
    fn sentinel(&self, master: u16, port: u16, wants: &str) -> String {
        let settings = self.settings(port).into_iter().map(|(name, value)| match &*name {
            "tls-auth-clients" => format!("{name} {wants}\n"),
            _ => format!("{name} {value}\n"),
        });
        let watch =
            format!("port 0\nbind 127.0.0.1\nsentinel monitor books 127.0.0.1 {master} 1\n");
        settings.collect::<String>() + &watch
    }
}

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
    let _sentinel =
        Sentinel::start(&site.file("sentinel.conf", &site.sentinel(master, port, "no")));
    let address = site.address(&format!("rediss+sentinel://127.0.0.1:{port}/books"));
    assert!(answers(address, LONG).await);
}
