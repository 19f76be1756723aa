//! The deployments file, read again when it is asked for.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use crate::audit::Audit;
use crate::declared;
use crate::ledger::Ledger;
use crate::metrics::{self, Reloaded};

/// Asks for a reload. Asked for twice while one runs, it is done once more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reload {
    asked: Arc<Notify>,
}

impl Reload {
    /// Asks for it.
    pub(crate) fn ask(&self) {
        self.asked.notify_one();
    }

    /// Serves those who ask, on a task of its own, until `stop`: a ledger that hangs holds up no
    /// signal. A file with a mistake changes nothing.
    pub(crate) fn serve(
        &self,
        path: Option<PathBuf>,
        ledger: Arc<dyn Ledger>,
        audit: Audit,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) {
        let asked = Arc::clone(&self.asked);
        tasks.spawn(async move {
            while stop.run_until_cancelled(asked.notified()).await.is_some() {
                match &path {
                    Some(path) => reload(path.clone(), &*ledger, &audit).await,
                    None => info!("asked to reload, but there is no --deployments file"),
                }
            }
        });
    }
}

async fn reload(path: PathBuf, ledger: &dyn Ledger, audit: &Audit) {
    let read = tokio::task::spawn_blocking(move || declared::read(&path)).await;
    let applied = match read {
        Ok(Ok(puts)) => declared::apply(ledger, puts)
            .await
            .inspect_err(|error| error!(%error, "the deployments file is not applied to its end"))
            .ok(),
        Ok(Err(mistake)) => {
            error!(%mistake, "the deployments file has a mistake: nothing changes");
            None
        }
        Err(error) => {
            error!(%error, "the deployments file could not be read");
            None
        }
    };
    metrics::reloaded(Reloaded::Deployments, applied.is_some());
    if let Some(applied) = applied {
        info!(applied.deployments, applied.created, "the deployments file is applied");
        audit.noted(declared::ACTION, &applied.to_string()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::manual::ManualClock;
    use crate::testing::TestLedger;

    fn audit() -> Audit {
        Audit::open(None, Arc::new(ManualClock::new())).unwrap()
    }

    fn write(test: &TestLedger, text: &str) -> PathBuf {
        let path = test.folder.path().join("deployments.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn tpm_limit(test: &TestLedger, id: &str) -> Option<u64> {
        let stored = test.ledger.deployment(id.into()).await.unwrap();
        stored.and_then(|stored| stored.policy.limit.tokens)
    }

    #[tokio::test]
    async fn who_asks_is_served() {
        let test = TestLedger::open().await;
        let path = write(&test, "deployments: {a: {tpm_limit: 5}}");
        let (reload, tasks, stop) =
            (Reload::default(), TaskTracker::new(), CancellationToken::new());
        reload.serve(Some(path), Arc::clone(&test.ledger), audit(), &tasks, stop.clone());
        reload.ask();
        let applied = async {
            while tpm_limit(&test, "a").await != Some(5) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), applied).await.unwrap();
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn what_the_file_has_is_applied_and_the_rest_left_alone() {
        let test = TestLedger::open().await;
        reload(
            write(&test, "deployments: {a: {tpm_limit: 5}, b: {tpm_limit: 6}}"),
            &*test.ledger,
            &audit(),
        )
        .await;
        reload(write(&test, "deployments: {a: {tpm_limit: 7}}"), &*test.ledger, &audit()).await;
        assert_eq!((tpm_limit(&test, "a").await, tpm_limit(&test, "b").await), (Some(7), Some(6)));
        let version = |stored: Option<crate::ledger::Stored>| stored.unwrap().version;
        let before = version(test.ledger.deployment("a".into()).await.unwrap());
        reload(test.folder.path().join("deployments.yaml"), &*test.ledger, &audit()).await;
        assert_eq!(version(test.ledger.deployment("a".into()).await.unwrap()), before);
    }

    #[tokio::test]
    async fn a_file_with_a_mistake_changes_nothing() {
        let test = TestLedger::open().await;
        reload(write(&test, "deployments: {a: {tpm_limit: 5}}"), &*test.ledger, &audit()).await;
        for bad in [
            "deployments: {a: {tpm_limit: 6}, b: {tpm_limit: -1}}",
            "deployments: {a: {tpm_limit: 6}, b: {}}",
            "}",
        ] {
            reload(write(&test, bad), &*test.ledger, &audit()).await;
            assert_eq!(tpm_limit(&test, "a").await, Some(5), "{bad}");
        }
        reload(PathBuf::from("/no/such/file"), &*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(5));
    }
}
