//! The stores of the ladder's rungs, as processes of our own.

mod cluster;
mod pair;
mod postgres;
mod redis;

use std::{fmt, net::SocketAddr};

pub use cluster::RedisCluster;
pub use pair::RedisPair;
pub use postgres::Postgres;
pub use redis::{Redis, RedisBuilder};

use super::HarnessError;

/// A rung of the storage ladder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Rung {
    /// SQLite in the data directory of the one server.
    #[default]
    Embedded,
    /// PostgreSQL: one active server, the others stand by.
    Postgres,
    /// One Redis; all servers are active.
    Redis,
    /// A Redis with a replica and a Sentinel.
    RedisSentinel,
    /// A Redis Cluster of three.
    RedisCluster,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::RedisSentinel => "Redis with Sentinel",
            Self::RedisCluster => "Redis Cluster",
        })
    }
}

/// What the servers of a site keep their books in; nothing is each server's own data directory.
#[derive(Debug, Default)]
pub struct Store {
    /// For live windows on the rungs with Redis.
    pub live: Option<Live>,
    /// For everything, or for deployments and history if several servers have Redis.
    pub postgres: Option<Postgres>,
}

/// What live windows are kept in.
#[derive(Debug)]
pub enum Live {
    /// One Redis.
    Single(Box<Redis>),
    /// With a replica.
    Pair(Box<RedisPair>),
    /// Three nodes.
    Cluster(RedisCluster),
}

impl Store {
    /// Starts what this rung needs for so many servers.
    ///
    /// # Errors
    /// When a process does not come up.
    pub async fn start(rung: Rung, servers: usize) -> Result<Self, HarnessError> {
        let live = match rung {
            Rung::Embedded | Rung::Postgres => None,
            Rung::Redis => Some(Live::Single(Box::new(Redis::builder().start().await?))),
            Rung::RedisSentinel => Some(Live::Pair(Box::new(RedisPair::start().await?))),
            Rung::RedisCluster => Some(Live::Cluster(RedisCluster::start().await?)),
        };
        let has_database = rung == Rung::Postgres || live.is_some() && servers > 1;
        let postgres = if has_database { Some(Postgres::start().await?) } else { None };
        Ok(Self { live, postgres })
    }

    /// Where a cable between a server and it would go; none if it sends its clients from one
    /// address to another.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.live {
            None => self.postgres.as_ref().map(Postgres::address),
            Some(Live::Single(redis)) => Some(redis.address()),
            Some(_) => None,
        }
    }

    /// The flags of a server that reaches it, at this address where there is one.
    #[must_use]
    pub fn flags(&self, at: Option<SocketAddr>) -> Vec<String> {
        let database = |url| format!("--database-url={url}");
        let postgres = self.postgres.as_ref().map(Postgres::url).map(database);
        match &self.live {
            Some(live) => {
                let url = at.map_or_else(|| live.url(), |at| format!("redis://{at}"));
                let redis = ["--ledger=redis".to_owned(), format!("--redis-url={url}")];
                redis.into_iter().chain(postgres).collect()
            }
            None => {
                let at = at.map(Postgres::url_at).map(database);
                let ledger = postgres.is_some().then(|| "--ledger=postgres".to_owned());
                ledger.into_iter().chain(at.or(postgres)).collect()
            }
        }
    }
}

impl Live {
    /// What servers are given.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Single(redis) => format!("redis://{}", redis.address()),
            Self::Pair(pair) => pair.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }
}
