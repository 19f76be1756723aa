//! What befalls the store, or the server that is active.

use std::time::Duration;

use rand::{Rng, RngExt, seq::IndexedRandom};

use crate::harness::{Cable, HarnessError, Live, Postgres, Redis, RedisCluster, Rung, Servers};

/// Longer than a lease, and than an active server may be silent.
const HANGS: Duration = Duration::from_secs(4);
/// For how long a replica misses writes before its primary dies, in ms.
const BEHIND_MS: std::ops::Range<u64> = 1..5_000;
/// For how long PostgreSQL is away, in ms.
const AWAY_MS: std::ops::Range<u64> = 0..2_000;

/// One blow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Blow {
    /// The active server is killed with -9; the others go on, or it is started again.
    ActiveKilled,
    /// The active server is asked to stop, and does.
    ActiveStopped,
    /// The active server is paused for longer than a lease, then goes on.
    ActivePaused,
    /// The active server no longer hears the store, nor the store it.
    ActiveCutOff,
    /// The store is killed with -9 and started again on its data.
    StoreRestarted,
    /// Redis is killed with -9 and started again with nothing.
    StoreRestartedEmpty,
    /// `FLUSHALL`.
    Flushed,
    /// Redis is killed with -9, and its replica promoted.
    FailedOver,
    /// The same, and the replica had not heard the primary's last writes.
    FailedOverBehind,
    /// A shard's primary is killed with -9, and the cluster promotes its replica.
    Promoted,
    /// A shard's replica takes the place of its primary, which lives and hears of it late.
    TakenOver,
    /// Every slot with a book is moved to another shard.
    Resharded,
}

impl Blow {
    /// One that can befall this rung.
    pub(super) fn choose(rung: Rung, rng: &mut impl Rng) -> Self {
        *Self::possible(rung).choose(rng).expect("every rung has some")
    }

    /// Whether it can befall this rung.
    #[must_use]
    pub fn is_possible(self, rung: Rung) -> bool {
        Self::possible(rung).contains(&self)
    }

    const fn possible(rung: Rung) -> &'static [Self] {
        match rung {
            Rung::Embedded => &[Self::ActiveKilled, Self::ActiveStopped, Self::ActivePaused],
            Rung::Postgres => &[
                Self::ActiveKilled,
                Self::ActiveStopped,
                Self::ActivePaused,
                Self::ActiveCutOff,
                Self::StoreRestarted,
            ],
            Rung::Redis => &[Self::StoreRestarted, Self::StoreRestartedEmpty, Self::Flushed],
            Rung::RedisSentinel => &[Self::FailedOver, Self::FailedOverBehind],
            Rung::RedisCluster => &[
                Self::StoreRestarted,
                Self::Flushed,
                Self::Promoted,
                Self::TakenOver,
                Self::Resharded,
            ],
        }
    }

    /// Strikes, and comes back when it is over.
    pub(super) async fn strike(
        self,
        servers: &mut Servers,
        rng: &mut impl Rng,
    ) -> Result<(), HarnessError> {
        let active = servers.active().await.unwrap_or(0);
        let is_alone = servers.seats.len() == 1;
        let seat = &mut servers.seats[active];
        match self {
            Self::ActiveKilled => seat.server.process.kill()?,
            Self::ActiveStopped => seat.server.process.stop(HANGS * 5).await.map(drop)?,
            Self::ActivePaused => {
                seat.server.process.pause()?;
                tokio::time::sleep(HANGS).await;
                seat.server.process.resume()?;
            }
            Self::ActiveCutOff => {
                seat.store.iter().for_each(Cable::fall_silent);
                tokio::time::sleep(HANGS).await;
                seat.store.iter().for_each(Cable::mend);
            }
            _ => {
                let away = Duration::from_millis(rng.random_range(AWAY_MS));
                let behind = Duration::from_millis(rng.random_range(BEHIND_MS));
                match (&mut servers.store.live, &mut servers.store.postgres) {
                    (Some(Live::Pair(pair)), _) => {
                        if self == Self::FailedOverBehind {
                            pair.cable.fall_silent();
                            tokio::time::sleep(behind).await;
                        }
                        pair.fail_over().await?;
                    }
                    (Some(Live::Single(redis)), _) => self.strike_redis(redis).await?,
                    (Some(Live::Cluster(cluster)), _) => self.strike_cluster(cluster, rng).await?,
                    (None, Some(postgres)) => restart(postgres, away).await?,
                    (None, None) => (),
                }
            }
        }
        if is_alone && matches!(self, Self::ActiveKilled | Self::ActiveStopped) {
            servers.seats[active].server.start_again().await?;
        }
        Ok(())
    }

    async fn strike_redis(self, redis: &mut Redis) -> Result<(), HarnessError> {
        if self == Self::Flushed {
            return redis.ask(&["FLUSHALL", "SYNC"]).await;
        }
        redis.process.kill()?;
        if self == Self::StoreRestartedEmpty {
            redis.forget()?;
        }
        redis.start_again().await
    }

    /// One of the shards that have books.
    async fn strike_cluster(
        self,
        cluster: &mut RedisCluster,
        rng: &mut impl Rng,
    ) -> Result<(), HarnessError> {
        let at = cluster.with_books().await?.choose(rng).copied().unwrap_or(0);
        match self {
            Self::Promoted => cluster.fail_over(at).await,
            Self::TakenOver => cluster.take_over(at).await,
            Self::Resharded => cluster.reshard().await,
            _ => self.strike_redis(&mut cluster.nodes[at]).await,
        }
    }
}

async fn restart(postgres: &mut Postgres, away: Duration) -> Result<(), HarnessError> {
    postgres.process.kill()?;
    tokio::time::sleep(away).await;
    postgres.start_again().await
}
