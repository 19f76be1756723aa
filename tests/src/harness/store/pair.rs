//! A Redis with a replica, and a Sentinel that promotes the replica when the primary is gone.

use std::{net::SocketAddr, time::Duration};

use super::Redis;
use crate::harness::{Cable, HarnessError, wait};

const NAME: &str = "tokenlease";
/// How long the primary may be silent, in ms.
const DOWN_AFTER_MS: u32 = 500;
/// For so long a Sentinel does not mind that the replica reaches its primary through a cable; after
/// twice that it tries a promotion again that failed, as one does on a machine that is held up.
const FAILOVER_TIMEOUT_MS: u32 = 12_000;
/// A Sentinel that was held up for 2 s trusts its clock again after 30 s only.
const PROMOTION: Duration = Duration::from_secs(60);

/// The three processes.
#[derive(Debug)]
pub struct RedisPair {
    /// The first primary.
    pub primary: Redis,
    /// Its replica, which becomes the primary.
    pub replica: Redis,
    /// What the replica hears of the primary: cut, it misses writes.
    pub cable: Cable,
    sentinel: Redis,
}

impl RedisPair {
    /// Starts them, and waits until the replica has all.
    ///
    /// # Errors
    /// When one of them does not come up.
    pub async fn start() -> Result<Self, HarnessError> {
        let primary = Redis::builder().start().await?;
        let cable = Cable::to(primary.address()).await?;
        let port = cable.address().port().to_string();
        let replica = Redis::builder().set("replicaof", &format!("127.0.0.1 {port}"));
        let replica = replica.start().await?;
        let sentinel = Redis::sentinel(&config(primary.address())).await?;
        let pair = Self { primary, replica, cable, sentinel };
        pair.wait_for_replica().await?;
        Ok(pair)
    }

    /// What servers are given.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+sentinel://{}/{NAME}", self.sentinel.address())
    }

    /// Kills the primary, and waits until the replica is the primary.
    ///
    /// # Errors
    /// When it is not promoted.
    pub async fn fail_over(&mut self) -> Result<(), HarnessError> {
        self.primary.process.kill()?;
        let replica = self.replica.address().port().to_string();
        wait::until("the replica's promotion", PROMOTION, || {
            let asked = ["SENTINEL", "get-master-addr-by-name", NAME];
            let sentinel = &self.sentinel;
            let replica = &replica;
            async move {
                let named: Vec<String> = sentinel.ask(&asked).await.ok()?;
                (named.get(1) == Some(replica)).then_some(())
            }
        })
        .await
    }

    /// The Sentinel must know the replica, and the replica must have caught up once.
    async fn wait_for_replica(&self) -> Result<(), HarnessError> {
        wait::until("the replica", PROMOTION, || async {
            let master: String = self.primary.ask(&["INFO", "replication"]).await.ok()?;
            let known: String = self.sentinel.ask(&["INFO", "sentinel"]).await.ok()?;
            let is_whole = master.contains("state=online") && known.contains("slaves=1");
            is_whole.then_some(())
        })
        .await
    }
}

fn config(primary: SocketAddr) -> String {
    let port = primary.port();
    format!(
        "sentinel monitor {NAME} 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n\
         sentinel failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}\n"
    )
}
