use std::{io, sync::Arc, time::Duration};

use gateway_client::{BuildError, QuotaClient};
use quota_api::{Amount, DeploymentSpec, WindowKind};
use quota_server::verify::verify;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    holder,
    journal::{self, JournalError},
    outage::Blow,
    record::Record,
    relay::Relay,
    verdict::Verdict,
};
use crate::harness::{HarnessError, QuotaServer, Rung};

const HOLDERS: u64 = 3;
const KINDS: [(&str, WindowKind); 2] =
    [("minute", WindowKind::Minute), ("rolling", WindowKind::Rolling)];
/// Between one blow and the next, and how long one lasts.
const PAUSE_MS: std::ops::Range<u64> = 200..1_500;
const BLOWS: std::ops::Range<u32> = 1..5;

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server did not come up.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The relay did not.
    #[error("the relay: {0}")]
    Relay(#[from] io::Error),
    /// A client did not.
    #[error("a client: {0}")]
    Client(#[from] BuildError),
    /// The journal cannot be read.
    #[error("the journal: {0}")]
    Journal(#[from] JournalError),
    /// Such a blow cannot befall this rung.
    #[error("{blow:?} cannot befall {rung}")]
    Impossible {
        /// Which blow.
        blow: Blow,
        /// Which rung.
        rung: Rung,
    },
}

/// What one run has.
struct Stage {
    server: QuotaServer,
    relay: Relay,
    clients: Vec<QuotaClient>,
    records: [Arc<Record>; KINDS.len()],
    limit: Amount,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Makes one run with the choices of this seed, and says what the witnesses saw.
///
/// # Errors
/// When the run could not be made; a broken rule is no error but stands in the verdict.
pub async fn run(seed: u64) -> Result<Verdict, RunError> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut stage = Stage::set(seed, &mut rng).await?;
    stage.draw(seed);
    let kills = stage.strike_again_and_again(&mut rng).await?;
    stage.end().await?;
    let mut verdict = Verdict::new(seed, kills, stage.relay.faults());
    if let Err(why) = verify(stage.server.data_dir()).await {
        verdict.broken.push(format!("the server's own check of its journal: {why}"));
    }
    let witness = journal::replay(stage.server.data_dir(), stage.limit, kind).await?;
    for ((name, kind), record) in KINDS.iter().zip(&stage.records) {
        verdict.judge((name, *kind), stage.limit, &record.all(), &witness);
    }
    Ok(verdict)
}

impl Stage {
    async fn set(seed: u64, rng: &mut StdRng) -> Result<Self, RunError> {
        let tokens = rng.random_range(2_000..40_000);
        let limit = Amount { tokens, requests: rng.random_range(tokens / 60..tokens / 20) };
        let builder = KINDS.iter().fold(QuotaServer::builder(), |builder, (name, kind)| {
            builder.deployment(*name, spec(limit, *kind))
        });
        let server = builder.start().await?;
        let relay = Relay::start(server.process.url(), seed).await?;
        let clients = (0..HOLDERS).map(|number| client(&relay, number));
        Ok(Self {
            clients: clients.collect::<Result<_, _>>()?,
            server,
            relay,
            records: Default::default(),
            limit,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    fn draw(&self, seed: u64) {
        for (number, client) in (seed * HOLDERS..).zip(&self.clients) {
            for ((name, _), record) in KINDS.iter().zip(&self.records) {
                let room = (&self.tasks, &self.stop);
                holder::draw_like_mad(client, name, record, number, room);
            }
        }
        self.tasks.close();
    }

    /// With time to work before the first blow, and after the last.
    async fn strike_again_and_again(&mut self, rng: &mut StdRng) -> Result<u32, RunError> {
        let mut kills = 0;
        for _ in 0..rng.random_range(BLOWS) {
            pause(rng).await;
            if rng.random_bool(0.25) {
                self.suspend(rng).await?;
            } else {
                self.kill(rng).await?;
                kills += 1;
            }
        }
        pause(rng).await;
        Ok(kills)
    }

    /// The server stands still, with whatever it was doing, and goes on as if nothing had been.
    async fn suspend(&self, rng: &mut StdRng) -> Result<(), RunError> {
        self.server.process.pause()?;
        pause(rng).await;
        Ok(self.server.process.resume()?)
    }

    /// The server is killed and, at once or after a while, there again.
    async fn kill(&mut self, rng: &mut StdRng) -> Result<(), RunError> {
        self.server.process.kill()?;
        if rng.random_bool(0.3) {
            pause(rng).await;
        }
        Ok(self.server.start_again().await?)
    }

    /// The first holder vanishes without a word, the others give everything back; the server is
    /// killed for the last time.
    async fn end(&mut self) -> Result<(), RunError> {
        self.stop.cancel();
        self.tasks.wait().await;
        self.relay.calm_down();
        for client in self.clients.split_off(1) {
            // What it could not say in time stays charged: the verdict counts with it.
            client.shutdown().await.ok();
        }
        self.clients.clear();
        self.server.process.kill()?;
        Ok(())
    }
}

fn kind(id: &str) -> WindowKind {
    KINDS.iter().find(|(name, _)| *name == id).map_or_else(WindowKind::default, |(_, kind)| *kind)
}

async fn pause(rng: &mut StdRng) {
    let span = Duration::from_millis(rng.random_range(PAUSE_MS));
    tokio::time::sleep(span).await;
}

fn spec(limit: Amount, window: WindowKind) -> DeploymentSpec {
    DeploymentSpec {
        tpm_limit: Some(limit.tokens),
        rpm_limit: Some(limit.requests),
        window,
        ..DeploymentSpec::default()
    }
}

fn client(relay: &Relay, number: u64) -> Result<QuotaClient, BuildError> {
    QuotaClient::builder(relay.url()).holder(format!("mad-{number}")).build()
}
