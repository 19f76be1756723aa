//! The deployments file, read again when it is asked for.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use crate::declared;
use crate::ledger::Ledger;

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
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) {
        let asked = Arc::clone(&self.asked);
        tasks.spawn(async move {
            while stop.run_until_cancelled(asked.notified()).await.is_some() {
                match &path {
                    Some(path) => reload(path.clone(), &*ledger).await,
                    None => info!("asked to reload, but there is no --deployments file"),
                }
            }
        });
    }
}

async fn reload(path: PathBuf, ledger: &dyn Ledger) {
    let read = tokio::task::spawn_blocking(move || declared::read(&path)).await;
    match read {
        Ok(Ok(puts)) => match declared::apply(ledger, puts).await {
            Ok(applied) => info!(?applied, "the deployments file is applied"),
            Err(error) => error!(%error, "the deployments file is not applied to its end"),
        },
        Ok(Err(mistake)) => error!(%mistake, "the deployments file has a mistake: nothing changes"),
        Err(error) => error!(%error, "the deployments file could not be read"),
    }
}
