//! Opened connections to Redis, whatever its topology.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisResult, TlsMode, Value};

use super::address::{RedisAddress, Topology};
use super::login::Login;
use super::shards::Shards;

/// How long connecting and logging in may take.
const CONNECT: Duration = Duration::from_secs(1);

/// How long an answer may take. A disk that is slow to sync holds Redis up for some 100 ms; one
/// that takes longer than this is a Redis that cannot be relied on for a lease of 2 s.
const ANSWER: Duration = Duration::from_secs(2);

/// The same of a node of a cluster: shorter than gateways wait for an answer, since the others
/// answer them.
const SHARD_ANSWER: Duration = Duration::from_millis(800);

/// Before a call is sent again to a cluster that is moving its slot, ms: at least and at most.
const SOON: u64 = 5;
const LATE: u64 = 200;

/// Connections to one Redis. Each is one task here and one client there, and pipelines by itself
/// what many callers send; more of them only spread the parsing of answers.
const CONNECTIONS: usize = 2;

/// Open connections.
#[derive(Clone)]
pub(super) enum Wire {
    /// To the one Redis that takes writes.
    Nodes(Vec<MultiplexedConnection>),
    /// To all of a cluster. The crate follows its slots; one message is one command there.
    Cluster(ClusterConnection, Arc<Shards>),
}

impl Wire {
    /// Connects. Sentinel is asked for the master each time.
    pub(super) async fn open(address: &RedisAddress, login: &Login) -> RedisResult<Self> {
        match &address.topology {
            Topology::Single => Self::to_node(&single(address, login)?).await,
            Topology::Sentinel { master } => {
                Self::to_node(&watched(address, login, master).await?).await
            }
            Topology::Cluster => Self::to_cluster(address, login).await,
        }
    }

    async fn to_node(client: &Client) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let connecting =
            (0..CONNECTIONS).map(|_| client.get_multiplexed_async_connection_with_config(&config));
        Ok(Self::Nodes(try_join_all(connecting).await?))
    }

    async fn to_cluster(address: &RedisAddress, login: &Login) -> RedisResult<Self> {
        let mut builder = ClusterClient::builder(address.infos(login)?)
            .connection_timeout(CONNECT)
            .response_timeout(SHARD_ANSWER)
            .min_retry_wait(SOON)
            .max_retry_wait(LATE)
            .tcp_settings(tcp());
        if let Some(certificates) = login.certificates() {
            builder = builder.tls(TlsMode::Secure).certs(certificates);
        }
        let cluster = builder.build()?.get_async_connection().await?;
        let shards = Arc::new(Shards::default());
        shards.read(&cluster).await?;
        Ok(Self::Cluster(cluster, shards))
    }

    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(..))
    }

    /// Runs commands in order and answers each. `turn` picks the connection: all of one call go the
    /// same way.
    pub(super) async fn run(&self, turn: usize, commands: &[Cmd]) -> Vec<RedisResult<Value>> {
        match self {
            Self::Nodes(nodes) => run_on_node(&nodes[turn % nodes.len()], commands).await,
            Self::Cluster(cluster, shards) => run_on_cluster(cluster, shards, commands).await,
        }
    }

    /// Runs a command on every Redis that takes writes, through every connection to one Redis; what
    /// each answers.
    pub(super) async fn everywhere(&self, command: Cmd) -> RedisResult<Vec<Value>> {
        match self {
            Self::Nodes(nodes) => {
                let asked = nodes.iter().map(|node| {
                    let (mut node, command) = (node.clone(), &command);
                    async move { node.req_packed_command(command).await?.extract_error() }
                });
                try_join_all(asked).await
            }
            Self::Cluster(cluster, _) => {
                let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                match cluster.clone().route_command(command, masters).await?.extract_error()? {
                    Value::Map(nodes) => {
                        nodes.into_iter().map(|(_, answer)| answer.extract_error()).collect()
                    }
                    other => Ok(vec![other]),
                }
            }
        }
    }
}

/// What one Redis that takes writes answers, and its name.
pub(super) type Named = (Arc<str>, RedisResult<Value>);

impl Wire {
    /// Runs a command on every Redis that takes writes; what each answers, by its name. A cluster's
    /// layout is read anew before.
    pub(super) async fn each(&self, command: Cmd) -> Vec<Named> {
        match self {
            Self::Nodes(_) => {
                let answer = self.everywhere(command).await;
                vec![("primary".into(), answer.map(Value::Array))]
            }
            Self::Cluster(cluster, shards) => {
                // As it was, where nobody says.
                let _known = shards.read(cluster).await;
                let all = shards.all();
                let asked = all.iter().map(|shard| {
                    let command = command.clone();
                    async move {
                        let sent = Shards::send_to(shard, cluster, command, SHARD_ANSWER);
                        (shard.name.clone(), sent.await)
                    }
                });
                join_all(asked).await
            }
        }
    }
}

/// One message with all commands.
async fn run_on_node(node: &MultiplexedConnection, commands: &[Cmd]) -> Vec<RedisResult<Value>> {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    for command in commands {
        pipeline.add_command(command.clone());
    }
    match node.clone().req_packed_commands(&pipeline, 0, commands.len()).await {
        Ok(answers) => answers.into_iter().map(Value::extract_error).collect(),
        Err(error) => commands.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// Each command finds its own node. They are handed over in order, so those of one slot stay so.
async fn run_on_cluster(
    cluster: &ClusterConnection,
    shards: &Shards,
    commands: &[Cmd],
) -> Vec<RedisResult<Value>> {
    let running = commands.iter().map(|command| {
        let mut cluster = cluster.clone();
        let call = async move { cluster.req_packed_command(command).await?.extract_error() };
        shards.send(command, call, SHARD_ANSWER)
    });
    join_all(running).await
}

fn single(address: &RedisAddress, login: &Login) -> RedisResult<Client> {
    let mut infos = address.infos(login)?;
    let info = infos.swap_remove(0).set_tcp_settings(tcp());
    match login.certificates() {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    }
}

/// The master that Sentinel names.
async fn watched(address: &RedisAddress, login: &Login, master: &str) -> RedisResult<Client> {
    let sentinels = address.addresses();
    let mut builder = SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
        .set_client_to_redis_tcp_settings(tcp());
    if let (user, Some(password)) = login.user_and_password() {
        builder = builder.set_client_to_redis_password(password);
        builder = with(builder, user, SentinelClientBuilder::set_client_to_redis_username);
    }
    if let (user, Some(password)) = login.sentinel_user_and_password() {
        builder = builder.set_client_to_sentinel_password(password);
        builder = with(builder, user, SentinelClientBuilder::set_client_to_sentinel_username);
    }
    if let Some(certificates) = login.certificates() {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    builder.build()?.async_get_client().await
}

fn with<B, T>(builder: B, value: Option<T>, set: impl Fn(B, T) -> B) -> B {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
