use std::{sync::Arc, time::Duration};

use gateway_client::QuotaClient;
use quota_api::{Amount, DeploymentSpec, WindowKind};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{blow::Blow, probe::Probe, verdict::OutageVerdict};
use crate::{
    chaos::{
        RunError, holder,
        journal::{self, Witness},
        provider::Provider,
        record::Record,
    },
    clock::{self, MINUTE_MS},
    harness::{QuotaServer, Rung, Servers, Upstream, wait},
};

pub(super) const HOLDERS: u64 = 3;
const KINDS: [(&str, WindowKind); 2] =
    [("minute", WindowKind::Minute), ("rolling", WindowKind::Rolling)];
const PROBE: &str = "probe";
const PROBE_LIMIT: u64 = 10_000_000;
/// How long it is until the blow falls, in ms: doubled up to so many times, since the beginning,
/// when quotas are being drawn, is worth more.
const MOMENT_MS: std::ops::Range<u64> = 300..600;
const DOUBLED: std::ops::Range<u32> = 0..6;
/// How far before its beginning a minute's quota may have been asked for, and as much again for
/// clocks that disagree, in ms.
const AHEAD_MS: u64 = 2_500;
/// How long a run goes on once grants should be back, in ms.
const AFTER_MS: u64 = 3_000;
/// Until they are: generously, since machines are slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a run is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    /// The rung.
    pub rung: Rung,
    /// How many servers.
    pub servers: usize,
    /// Seeds what is random.
    pub seed: u64,
}

struct Stage {
    servers: Servers,
    upstream: Upstream,
    clients: Vec<QuotaClient>,
    records: [Arc<Record>; KINDS.len()],
    limit: Amount,
    probe: Arc<Probe>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Makes one run with a blow of its seed's choice, or with this one, and says what was seen.
///
/// # Errors
/// When the run could not be made; a broken rule is no error but stands in the verdict.
pub async fn run(fate: Fate, blow: Option<Blow>) -> Result<OutageVerdict, RunError> {
    let mut rng = StdRng::seed_from_u64(fate.seed);
    let blow = blow.unwrap_or_else(|| Blow::choose(fate.rung, &mut rng));
    if !blow.is_possible(fate.rung) {
        return Err(RunError::Impossible { blow, rung: fate.rung });
    }
    let mut stage = Stage::set(fate, &mut rng).await?;
    stage.draw(fate.seed);
    let moment_ms = rng.random_range(MOMENT_MS) << rng.random_range(DOUBLED);
    tokio::time::sleep(Duration::from_millis(moment_ms)).await;
    let at_unix_ms = clock::unix_ms();
    blow.strike(&mut stage.servers, &mut rng).await?;
    let back_unix_ms = stage.should_be_back().await;
    clock::sleep_until_unix_ms(back_unix_ms + AFTER_MS).await;
    let back = stage.granted_since(back_unix_ms).await;
    stage.end().await;
    let mut verdict = OutageVerdict::new(fate.seed, blow);
    verdict.judge_probe(&stage.probe, at_unix_ms, back);
    let witness = stage.journal().await?;
    let audit = stage.upstream.audit().await?;
    for ((name, kind), record) in KINDS.iter().zip(&stage.records) {
        verdict.judge(name, *kind, stage.limit, &record.all());
        verdict.judge_audit(name, *kind, stage.limit, &record.all(), &audit);
        if let Some(witness) = &witness {
            verdict.judge_journal(name, *kind, &record.all(), witness);
        }
    }
    Ok(verdict)
}

impl Stage {
    async fn set(fate: Fate, rng: &mut StdRng) -> Result<Self, RunError> {
        // From what is gone within a second to what lasts for most of a run.
        let tokens = 2_000 << rng.random_range(0..7);
        let limit = Amount { tokens, requests: tokens / 20 };
        let builder = KINDS.iter().fold(QuotaServer::builder(), |builder, (name, kind)| {
            builder.deployment(*name, spec(limit, *kind))
        });
        let much = Amount { tokens: PROBE_LIMIT, requests: PROBE_LIMIT };
        let builder = builder.deployment(PROBE, spec(much, WindowKind::Minute));
        let servers = Servers::start(fate.rung, fate.servers, &builder).await?;
        let upstream = Upstream::builder().start().await?;
        let record = |(name, _)| Arc::new(Record::of(Provider::of(&upstream, name)));
        let client =
            |number| QuotaClient::builder(servers.url()).holder(format!("mad-{number}")).build();
        Ok(Self {
            clients: (0..HOLDERS).map(client).collect::<Result<_, _>>()?,
            servers,
            records: KINDS.map(record),
            upstream,
            limit,
            probe: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    fn draw(&self, seed: u64) {
        for (number, client) in (seed * HOLDERS..).zip(&self.clients) {
            for ((name, _), record) in KINDS.iter().zip(&self.records) {
                holder::draw_like_mad(client, name, record, number, (&self.tasks, &self.stop));
            }
        }
        let urls = self.servers.seats.iter().map(|seat| seat.url()).collect();
        let (probe, stop) = (self.probe.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            tokio::select! { () = stop.cancelled() => (), () = probe.ask(urls, PROBE) => () }
        });
        self.tasks.close();
    }

    /// PostgreSQL forgets nothing; of what was in Redis, the next minute is free in any case, if
    /// nobody can have asked for it when the loss was seen: with the first answer, that is.
    async fn should_be_back(&self) -> u64 {
        let now_ms = clock::unix_ms();
        if self.servers.store.live.is_none() {
            return now_ms;
        }
        let look = || async { self.probe.first_answer_since(now_ms) };
        let seen_ms = wait::until("an answer", PATIENCE, look).await.unwrap_or(now_ms);
        ((seen_ms + AHEAD_MS) / MINUTE_MS + 1) * MINUTE_MS
    }

    /// Waits until a token is granted, if one ever is.
    async fn granted_since(&self, unix_ms: u64) -> bool {
        let look = || async { self.probe.has_granted_since(unix_ms).then_some(()) };
        wait::until("a grant", PATIENCE, look).await.is_ok()
    }

    /// The journal, where it is in PostgreSQL.
    async fn journal(&self) -> Result<Option<Witness>, RunError> {
        let store = &self.servers.store;
        let Some(postgres) = store.postgres.as_ref().filter(|_| store.live.is_none()) else {
            return Ok(None);
        };
        let kind = |id: &str| if id == KINDS[1].0 { KINDS[1].1 } else { KINDS[0].1 };
        Ok(Some(journal::replay_postgres(&postgres.url(), self.limit, kind).await?))
    }

    async fn end(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn spec(limit: Amount, window: WindowKind) -> DeploymentSpec {
    DeploymentSpec {
        tpm_limit: Some(limit.tokens),
        rpm_limit: Some(limit.requests),
        window,
        ..DeploymentSpec::default()
    }
}
