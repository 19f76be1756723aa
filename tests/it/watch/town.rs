//! Sites side by side, each for one kind of fault, and one where nothing goes wrong.

use std::net::SocketAddr;

use quota_api::{DeploymentSpec, LimitSpec, PeriodKind, Unit};
use tempfile::TempDir;
use tests::harness::{
    Authority, Gateway, Job, QuotaServer, QuotaServerBuilder, Redis, Route, Rung, Servers, Upstream,
};
use tests::load::embedding;

use super::traffic::Traffic;

/// What gateways and callers draw on.
pub(super) const LARGE: &str = "large";
/// A deployment that is soon used up.
pub(super) const TINY: &str = "tiny";
pub(super) const TOKEN: &str = "a token of the town's, which nobody guesses";

/// All sites. What is first in a struct is dropped first: traffic before processes.
pub(super) struct Town {
    pub(super) calm: Street,
    /// Its server dies.
    pub(super) gone: Street,
    /// Its provider fails.
    pub(super) provider: Street,
    /// A full disk.
    pub(super) disk: QuotaServer,
    /// More is asked of it than it has, by holders that say nothing.
    pub(super) busy: QuotaServer,
    /// Strangers knock.
    pub(super) guarded: QuotaServer,
    /// Its journal is damaged.
    pub(super) torn: QuotaServer,
    /// Its certificate ends.
    pub(super) sealed: Sealed,
    /// Its callers send bodies that never end.
    pub(super) crowded: QuotaServer,
    /// Redis loses the library, and does not let servers load it.
    pub(super) unprepared: OnRedis,
    /// Two servers, which ought to be one ledger.
    pub(super) split: [QuotaServer; 2],
    pub(super) postgres: Servers,
    /// On Redis, with a PostgreSQL that goes.
    pub(super) redis: Servers,
    /// Redis with settings that lose writes, and without its writes.
    pub(super) careless: OnRedis,
    /// Redis that is slow, and whose books are written in by hand.
    pub(super) tampered: OnRedis,
    pub(super) traffic: Traffic,
    _audit: TempDir,
}

/// Callers, a gateway, its server and its upstream.
pub(super) struct Street {
    pub(super) gateways: Vec<Gateway>,
    pub(super) server: QuotaServer,
    pub(super) upstream: Upstream,
    _memory: TempDir,
}

/// A server that speaks TLS.
pub(super) struct Sealed {
    pub(super) server: QuotaServer,
    pub(super) authority: Authority,
    pub(super) folder: TempDir,
}

impl Sealed {
    pub(super) const NAME: &str = "127.0.0.1";

    async fn start() -> Self {
        let (authority, folder) = (Authority::new().unwrap(), TempDir::new().unwrap());
        let papers = authority.papers(folder.path(), Self::NAME).unwrap();
        Self { server: server().encrypted(&papers).start().await.unwrap(), authority, folder }
    }
}

/// A server and the Redis that it keeps its books in.
pub(super) struct OnRedis {
    pub(super) server: QuotaServer,
    pub(super) redis: Redis,
}

impl Town {
    /// The site where nothing goes wrong.
    pub(super) const CALM: &str = "calm";

    pub(super) async fn start() -> Self {
        let plain = || server().start();
        let many = server();
        let (calm, gone, provider, postgres, redis, careless, tampered, unprepared, sealed) = tokio::join!(
            Street::start(1),
            Street::start(2),
            Street::start(1),
            Servers::start(Rung::Postgres, 2, &many),
            Servers::start(Rung::Redis, 2, &many),
            OnRedis::start(),
            OnRedis::start(),
            OnRedis::start(),
            Sealed::start(),
        );
        let guarded =
            server().token("ops", "admin", TOKEN).token("gw", "gateway", TOKEN_OF_GATEWAY);
        let audit = TempDir::new().unwrap();
        let audit_log = format!("--audit-log={}", audit.path().join("audit.jsonl").display());
        let (disk, busy, guarded, torn, crowded, one, other) = tokio::try_join!(
            server().with_signal_ignored("XFSZ").flag(audit_log).start(),
            plain(),
            guarded.start(),
            plain(),
            server().flag("--max-requests=4").start(),
            plain(),
            plain(),
        )
        .unwrap();
        let mut traffic = Traffic::default();
        for street in [&calm, &gone, &provider] {
            street.gateways.iter().for_each(|gateway| traffic.of_gateway(gateway.process.url()));
        }
        for server in [&disk, &one, &careless.server, &tampered.server] {
            traffic.of_server(server.process.url());
        }
        let split = [one, other];
        let (postgres, redis) = (postgres.unwrap(), redis.unwrap());
        Self {
            calm,
            gone,
            provider,
            disk,
            busy,
            guarded,
            torn,
            sealed,
            crowded,
            unprepared,
            split,
            postgres,
            redis,
            careless,
            tampered,
            traffic,
            _audit: audit,
        }
    }

    /// What is scraped while all is well.
    pub(super) fn jobs(&self) -> Vec<Job> {
        let all = |servers: &Servers| servers.seats.iter().map(|seat| url(&seat.server)).collect();
        let [one, _] = &self.split;
        [
            (Self::CALM, self.calm.urls()),
            ("gone", self.gone.urls()),
            ("provider", self.provider.urls()),
            ("disk", vec![url(&self.disk)]),
            ("busy", vec![url(&self.busy)]),
            ("guarded", vec![url(&self.guarded)]),
            ("torn", vec![url(&self.torn)]),
            ("sealed", vec![url(&self.sealed.server)]),
            ("crowded", vec![url(&self.crowded)]),
            ("unprepared", vec![url(&self.unprepared.server)]),
            ("split", vec![url(one)]),
            ("postgres", all(&self.postgres)),
            ("redis", all(&self.redis)),
            ("careless", vec![url(&self.careless.server)]),
            ("tampered", vec![url(&self.tampered.server)]),
        ]
        .map(|(name, urls)| Job { name: name.to_owned(), urls })
        .into()
    }
}

const TOKEN_OF_GATEWAY: &str = "another token of the town's, which nobody guesses";

pub(super) fn url(server: &QuotaServer) -> String {
    server.process.url().to_owned()
}

fn server() -> QuotaServerBuilder {
    let spec = |tpm| DeploymentSpec { tpm_limit: Some(tpm), ..DeploymentSpec::default() };
    QuotaServer::builder().deployment(LARGE, spec(10_000_000)).deployment(TINY, spec(100))
}

/// One that has a limit over a longer period too.
fn with_a_day() -> DeploymentSpec {
    let day = LimitSpec {
        unit: Unit::Tokens,
        per: "day".to_owned(),
        kind: PeriodKind::Aligned,
        most: 1_000_000_000_000,
        offset: None,
    };
    DeploymentSpec { tpm_limit: Some(10_000_000), limits: vec![day], ..DeploymentSpec::default() }
}

impl Street {
    pub(super) async fn start(gateways: usize) -> Self {
        // A busy disk would be a fault.
        let memory = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        let server = server().deployment(LARGE, with_a_day());
        let server = server.data_dir(&memory.path().join("data")).start();
        let (server, upstream) = tokio::try_join!(server, Upstream::builder().start()).unwrap();
        let route = Route {
            group: LARGE.to_owned(),
            deployment: LARGE.to_owned(),
            model: "text-embedding-3-small".to_owned(),
            tpm: Some(10_000_000),
            rpm: None,
            base: None,
        };
        let start = |number: usize| {
            let holder = format!("gw-{number}");
            let builder = Gateway::builder(&holder, server.process.url(), upstream.process.url());
            builder.routes(std::slice::from_ref(&route)).start()
        };
        let gateways = futures_util::future::try_join_all((0..gateways).map(start)).await.unwrap();
        Self { gateways, server, upstream, _memory: memory }
    }

    /// Sends one request through the first gateway, and waits for its answer.
    pub(super) async fn ask_once(&self) {
        let url = format!("{}/v1/embeddings", self.gateways[0].process.url());
        let call = reqwest::Client::new().post(url).header("content-type", "application/json");
        let answer = call.body(embedding(LARGE, 20)).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    pub(super) fn urls(&self) -> Vec<String> {
        let gateways = self.gateways.iter().map(|gateway| gateway.process.url().to_owned());
        gateways.chain([url(&self.server)]).collect()
    }

    /// Where the provider is reached.
    pub(super) fn provider(&self) -> SocketAddr {
        self.upstream.process.url().trim_start_matches("http://").parse().unwrap()
    }
}

impl OnRedis {
    async fn start() -> Self {
        let redis = Redis::builder().start().await.unwrap();
        let url = format!("--redis-url=redis://{}", redis.address());
        let server = server().flag("--ledger=redis").flag(url).start().await.unwrap();
        Self { server, redis }
    }
}
