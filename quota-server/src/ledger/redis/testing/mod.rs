//! Redis processes of the tests' own: on free ports of this machine, with temporary data.

mod cluster;
mod process;

pub(crate) use cluster::TestCluster;
pub(crate) use process::TestRedis;

use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Waits until something holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
