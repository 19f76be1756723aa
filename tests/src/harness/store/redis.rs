//! A Redis of our own: with temporary data, on a free port.

use std::{env, net::SocketAddr, path::Path};

use redis::{AsyncConnectionConfig, Cmd, FromRedisValue};
use tempfile::TempDir;

use crate::harness::{HarnessError, Process, ports, process::Launch, wait};

/// Names its program.
const PROGRAM: &str = "TOKENLEASE_REDIS_SERVER";
const READY: &str = "eady to accept connections";

/// How a Redis is to be started: as safety wants it, unless told otherwise.
#[derive(Debug, Clone)]
pub struct RedisBuilder {
    flags: Vec<[String; 2]>,
}

/// A Redis that runs, or ran, with its data.
#[derive(Debug)]
pub struct Redis {
    /// Its process.
    pub process: Process,
    launch: Launch,
    ready: &'static str,
    address: SocketAddr,
    room: TempDir,
}

impl RedisBuilder {
    /// A setting, as `redis.conf` has it; a later one counts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.flags.push([format!("--{name}"), value.to_owned()]);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(self) -> Result<Redis, HarnessError> {
        let room = TempDir::new().map_err(HarnessError::io("a temporary folder"))?;
        let address = ports::free_address()?;
        let builder = self.set("port", &address.port().to_string());
        let builder = builder.set("dir", &room.path().to_string_lossy());
        let arguments = builder.flags.into_iter().flatten().map(Into::into).collect();
        launch(arguments, room, address, READY).await
    }
}

impl Redis {
    /// One that keeps every write, and refuses them rather than forgetting others.
    #[must_use]
    pub fn builder() -> RedisBuilder {
        let none = RedisBuilder { flags: Vec::new() };
        none.set("bind", "127.0.0.1")
            .set("save", "")
            .set("appendonly", "yes")
            .set("appendfsync", "always")
            .set("maxmemory-policy", "noeviction")
    }

    /// A Sentinel with this configuration. It writes its own into the file, so each has its own.
    pub(super) async fn sentinel(config: &str) -> Result<Self, HarnessError> {
        let room = TempDir::new().map_err(HarnessError::io("a temporary folder"))?;
        let address = ports::free_address()?;
        let file = room.path().join("sentinel.conf");
        let head = format!("port {}\nbind 127.0.0.1\n", address.port());
        crate::harness::process::write(&file, &(head + config))?;
        launch(vec![file.into(), "--sentinel".into()], room, address, "Sentinel ID is").await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its data are.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.room.path()
    }

    /// Once it was killed: starts it again on the same port and data.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_again(&mut self) -> Result<(), HarnessError> {
        self.process = self.launch.start_until(self.ready).await?;
        Ok(())
    }

    /// Once it was killed: it will start with nothing.
    ///
    /// # Errors
    /// When its data cannot be removed.
    pub fn forget(&self) -> Result<(), HarnessError> {
        let data = self.data_dir().join("appendonlydir");
        std::fs::remove_dir_all(data).map_err(HarnessError::io("the data of Redis"))
    }

    /// Has it do a command.
    ///
    /// # Errors
    /// When it refuses, or does not answer.
    pub async fn ask<T: FromRedisValue>(&self, command: &[&str]) -> Result<T, HarnessError> {
        let client = redis::Client::open(format!("redis://{}", self.address))?;
        // A busy machine is no failure.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(wait::START))
            .set_response_timeout(Some(wait::START));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut words = Cmd::new();
        command.iter().for_each(|word| {
            words.arg(*word);
        });
        Ok(words.query_async(&mut connection).await?)
    }
}

async fn launch(
    arguments: Vec<std::ffi::OsString>,
    room: TempDir,
    address: SocketAddr,
    ready: &'static str,
) -> Result<Redis, HarnessError> {
    let launch = Launch {
        name: "redis".to_owned(),
        program: env::var_os(PROGRAM).unwrap_or_else(|| "redis-server".into()).into(),
        arguments,
        log: room.path().join("redis.log"),
    };
    let process = launch.start_until(ready).await?;
    Ok(Redis { process, launch, ready, address, room })
}
