//! Passwords in files that change while servers run.

use std::path::Path;
use std::time::Duration;

use redis::cmd;
use tempfile::NamedTempFile;

use super::super::testing::{TestCluster, TestRedis, until};
use super::*;
use crate::password::PasswordSource;

const NOTHING: &str = "#!lua name=nothing
redis.register_function('nothing', function() return 1 end)
redis.register_function('tl_test_probe', function() return 1 end)";

/// A link that logs in with the password in a file.
struct World {
    link: Link,
    file: NamedTempFile,
    stop: CancellationToken,
}

impl World {
    async fn reached(address: &RedisAddress, password: &str) -> Self {
        Self::reached_by(address, password, |file| PasswordSource::File(file.to_owned())).await
    }

    async fn reached_by(
        address: &RedisAddress,
        password: &str,
        source: impl FnOnce(&Path) -> PasswordSource,
    ) -> Self {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(&file, password).unwrap();
        let url = address.to_string().replace("://", "://quota@");
        let files = RedisFiles { password: Some(source(file.path())), ..RedisFiles::default() };
        let address = url.parse::<RedisAddress>().unwrap().with_files(files);
        let stop = CancellationToken::new();
        let link =
            Link::begin(address, Library::of(NOTHING, "test"), &TaskTracker::new(), stop.clone());
        link.reached(Duration::from_secs(20)).await.unwrap();
        Self { link, file, stop }
    }

    fn write(&self, password: &str) {
        std::fs::write(&self.file, password).unwrap();
    }

    /// Whether every key is answered for.
    async fn works(&self) -> bool {
        let call = |key| cmd("FCALL").arg("nothing").arg(1).arg(key).take();
        let calls = ["a", "b", "c", "d", "e", "f", "g", "h"].map(call);
        self.link.run(calls.into()).await.iter().all(Result::is_ok)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const USER: &str = "ACL SETUSER quota on ~* &* +@all resetpass";

/// The old password is none any more, and nobody is logged in with it.
async fn rotate(redis: &TestRedis, password: &str) {
    redis.ask(&format!("{USER} >{password}")).await;
    redis.ask("CLIENT KILL USER quota").await;
}

#[tokio::test]
async fn the_next_connection_logs_in_with_what_the_file_says_then() {
    let redis = TestRedis::start().await;
    redis.ask(&format!("{USER} >one")).await;
    let world = World::reached(&redis.address(), "one\n").await;
    assert!(world.works().await);
    rotate(&redis, "two").await;
    let refused = || async {
        world.works().await;
        world.link.refusal().is_some_and(|why| why.contains("authentication failed"))
    };
    until("the old one is refused, and it is said", refused).await;
    world.write("two\n");
    until("the new one is taken", || world.works()).await;
    assert_eq!(world.link.refusal(), None);
}

#[tokio::test]
async fn a_cluster_is_connected_to_anew_once_its_file_has_changed() {
    let cluster = TestCluster::start().await;
    for node in &cluster.nodes {
        node.ask(&format!("{USER} >one")).await;
    }
    let world = World::reached(&cluster.address(), "one").await;
    world.write("two");
    assert!(world.works().await, "as long as the old one is good");
    for node in &cluster.nodes {
        rotate(node, "two").await;
    }
    until("the new one is taken", || world.works()).await;
}

#[tokio::test]
async fn the_next_connection_logs_in_with_what_a_command_prints_then() {
    let redis = TestRedis::start().await;
    redis.ask(&format!("{USER} >token-1")).await;
    let cat =
        |file: &Path| PasswordSource::Command(format!("cat '{}'", file.display()).parse().unwrap());
    let world = World::reached_by(&redis.address(), "token-1\n", cat).await;
    assert!(world.works().await);
    rotate(&redis, "token-2").await;
    world.write("token-2\n");
    let world = &world;
    until("the next token is shown", || world.works()).await;
}
