//! What the process is told from outside, and how it ends.
//!
//! SIGHUP reads the deployments file again. SIGTERM and SIGINT begin the stop: nothing new is begun,
//! what runs may finish for a while. When that is over, or at a second signal, what is left is cut
//! off. The tokens of both stages belong to one run of the server and are handed to what must know.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::listener::Stop;

/// The signals that the server listens to, from when this is made.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To read the deployments file again.
    Reload,
    /// To end.
    Stop,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The process cannot listen to signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }

    /// The next one that asks to end.
    async fn next_stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}

/// Ends all tasks: gently for as long as `drain`, then hard.
pub async fn stop(signals: &mut Signals, stop: &Stop, tasks: &TaskTracker, drain: Duration) {
    info!(?drain, "stopping: running requests may finish");
    stop.draining.cancel();
    tasks.close();
    tokio::select! {
        drained = timeout(drain, tasks.wait()) => match drained {
            Ok(()) => info!("drained"),
            Err(_) => warn!("requests still ran when the time for draining was over"),
        },
        () = signals.next_stop() => warn!("told twice to stop: running requests are cut off"),
    }
    stop.hard.cancel();
    tasks.wait().await;
}
