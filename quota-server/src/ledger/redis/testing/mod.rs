//! Redis processes of the tests' own: on free ports of this machine, with temporary data.

mod cluster;
mod name;
mod process;
mod sentinel;
mod site;

pub(crate) use cluster::TestCluster;
pub(crate) use name::TestName;
pub(crate) use process::{TestRedis, free_port, program};
pub(crate) use sentinel::TestSentinel;
pub(crate) use site::{RedisSite, Timed};

use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Everything is on disk before it is answered.
pub(crate) const DURABLE: [&str; 6] =
    ["--save", "", "--appendonly", "yes", "--appendfsync", "always"];

/// Waits until something holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
