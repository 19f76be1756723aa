//! Starting the journaled ledger.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::books::ShardNo;
use super::doubt::DOUBTFUL_WINDOWS;
use super::journal::Journal;
use super::outage::Health;
use super::recovery::{Recovered, recover};
use super::time::LedgerTime;
use super::writer::{Shared, Writer};
use super::{JournaledConfig, JournaledLedger, OpenError, Shard};
use crate::clock::Clock;
use crate::metrics;
use crate::store::sqlite::{self, FolderLock};

const MOST_SHARDS: u32 = 64;
const WINDOWS_AN_HOUR: u64 = 60;

/// So many operations may wait for a writer, however little memory there is: two of the largest
/// calls.
const FEWEST_OPERATIONS: usize = 2 * 4 * quota_api::limits::MAX_BATCH_ITEMS;

impl JournaledLedger {
    /// Opens the data folder, recovers the books and starts the writers on `tracker`. They work
    /// until [`crate::ledger::Ledger::stop`], or until `stop` is cancelled.
    ///
    /// # Errors
    /// The folder is in use, unreadable, or of another shape. Nothing is changed then.
    pub async fn open(
        config: &JournaledConfig,
        clock: Arc<dyn Clock>,
        tracker: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, OpenError> {
        if !(1..=MOST_SHARDS).contains(&config.shards) {
            return Err(OpenError::Shards(config.shards));
        }
        let lock = FolderLock::take(&config.data_dir)?;
        let journals = sqlite::open_all(&config.data_dir, config.shards).await?;
        let mut ledger = Self::on(journals, config, clock, tracker, stop).await?;
        ledger.lock = Mutex::new(Some(lock));
        Ok(ledger)
    }

    /// Brings the tables of a data folder up to date, and nothing else; makes it where it is
    /// missing.
    ///
    /// # Errors
    /// As [`JournaledLedger::open`].
    pub async fn migrate(data_dir: &Path, shards: u32) -> Result<(), OpenError> {
        let _lock = FolderLock::take(data_dir)?;
        for mut journal in sqlite::open_all(data_dir, shards).await? {
            let name = journal.name().to_owned();
            journal.close().await.map_err(|source| OpenError::Store { name, source })?;
        }
        Ok(())
    }

    /// The ledger on these journals, one for each shard.
    pub(crate) async fn on<J: Journal>(
        journals: Vec<J>,
        config: &JournaledConfig,
        clock: Arc<dyn Clock>,
        tracker: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, OpenError> {
        let began = Instant::now();
        let mut recovered = recover_all(journals, config.shards, tracker).await?;
        let last = recovered.iter().filter_map(|(_, state)| state.last);
        let last = last.max_by_key(|last| last.now.steady_ms);
        metrics::recovered(began.elapsed());
        let mut time = LedgerTime::start(clock, last);
        if !recovered.iter().all(|(journal, _)| journal.is_vouched_for()) {
            time = time.past_lost();
            let clean_from = time.stamp().now.window.number + DOUBTFUL_WINDOWS;
            for (_, state) in &mut recovered {
                // Windows are those of all shards: nothing is granted of one under another number
                // either.
                state.books.clean_from = state.books.clean_from.max(clean_from);
            }
        }
        Ok(Self::begin(recovered, time, config, tracker, &stop.child_token()))
    }

    /// The ledger on journals whose books are recovered.
    pub(crate) fn begin<J: Journal>(
        recovered: Vec<(J, Recovered)>,
        time: LedgerTime,
        config: &JournaledConfig,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        metrics::writable(true);
        let shared = Shared {
            time: Arc::new(time),
            health: Arc::new(Health::default()),
            history_windows: u64::from(config.history_hours.max(1)) * WINDOWS_AN_HOUR,
            lease_bytes: config.memory.for_leases() / u64::from(config.shards.max(1)),
        };
        let operations = config.memory.operations() / (config.shards.max(1) as usize);
        let mut ledger = Self {
            shards: Vec::new(),
            time: shared.time.clone(),
            health: shared.health.clone(),
            stop: stop.clone(),
            writers: Mutex::default(),
            lock: Mutex::default(),
        };
        let mut writers = Vec::new();
        for (no, (journal, state)) in (0..).zip(recovered) {
            let (jobs, mailbox) = mpsc::channel(config.queue.max(1));
            let operations = Arc::new(Semaphore::new(operations.max(FEWEST_OPERATIONS)));
            ledger.shards.push(Shard { jobs, operations, history: journal.history() });
            let shard = ShardNo { no, of: config.shards };
            let writer = Writer::new(journal, shard, state, mailbox, shared.clone());
            writers.push(tracker.spawn(writer.run(stop.clone())));
        }
        ledger.writers = Mutex::new(writers);
        ledger
    }
}

/// Recovers all shards at once.
async fn recover_all<J: Journal>(
    journals: Vec<J>,
    shards: u32,
    tracker: &TaskTracker,
) -> Result<Vec<(J, Recovered)>, OpenError> {
    let tasks: Vec<_> = (0..)
        .zip(journals)
        .map(|(no, mut journal)| {
            tracker.spawn(async move {
                let state = recover(&mut journal, ShardNo { no, of: shards }).await;
                (journal, state)
            })
        })
        .collect();
    let mut recovered = Vec::new();
    for task in tasks {
        let (journal, state) = task.await.expect("a recovery does not panic and is not cancelled");
        let name = journal.name().to_owned();
        let state = state.map_err(|source| OpenError::Recovery { name, source })?;
        recovered.push((journal, state));
    }
    Ok(recovered)
}
