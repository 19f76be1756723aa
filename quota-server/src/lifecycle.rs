//! What the process is told from outside, and how it ends.
//!
//! SIGHUP reads the files again that can change: deployments, tokens, certificates. SIGTERM and
//! SIGINT begin the stop: nothing new is begun, what runs may finish for a while. When that is
//! over, or at a second signal, what is left is cut off. The tokens of both stages belong to one
//! run of the server and are handed to what must know.

use std::io;
use std::time::Duration;

use edge::listener::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// The signals that the server listens to, from when this is made.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To read the files again that can change.
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
    pub async fn next_stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}

/// Ends all tasks: gently for as long as `drain` or until `again`, then hard.
pub async fn stop(stop: &Stop, tasks: &TaskTracker, drain: Duration, again: impl Future) {
    info!(?drain, "stopping: running requests may finish");
    stop.draining.cancel();
    tasks.close();
    tokio::select! {
        drained = timeout(drain, tasks.wait()) => match drained {
            Ok(()) => info!("drained"),
            Err(_) => warn!("requests still ran when the time for draining was over"),
        },
        _ = again => warn!("told twice to stop: running requests are cut off"),
    }
    stop.hard.cancel();
    tasks.wait().await;
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    /// A task that ends when it is told to drain, and one that ends only at the hard stop.
    fn tasks(stop: &Stop) -> (TaskTracker, tokio::task::JoinHandle<()>) {
        let tasks = TaskTracker::new();
        tasks.spawn(stop.draining.clone().cancelled_owned());
        let stubborn = tasks.spawn(stop.hard.clone().cancelled_owned());
        (tasks, stubborn)
    }

    #[tokio::test(start_paused = true)]
    async fn what_drains_in_time_is_not_cut_off() {
        let gentle = Stop::default();
        let tasks = TaskTracker::new();
        tasks.spawn(gentle.draining.clone().cancelled_owned());
        let began = tokio::time::Instant::now();
        stop(&gentle, &tasks, Duration::from_secs(10), pending::<()>()).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_is_cut_off() {
        let hard = Stop::default();
        let (tasks, stubborn) = tasks(&hard);
        let began = tokio::time::Instant::now();
        stop(&hard, &tasks, Duration::from_secs(10), pending::<()>()).await;
        assert_eq!(began.elapsed(), Duration::from_secs(10));
        assert!(stubborn.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn told_twice_nothing_is_waited_for() {
        let hard = Stop::default();
        let (tasks, stubborn) = tasks(&hard);
        let began = tokio::time::Instant::now();
        stop(&hard, &tasks, Duration::from_secs(10), ready(())).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(stubborn.is_finished());
    }

    #[tokio::test]
    async fn signals_are_told_apart() {
        let mut signals = Signals::listen().unwrap();
        kill_process(getpid(), Signal::HUP).unwrap();
        assert_eq!(signals.next().await, Asked::Reload);
        kill_process(getpid(), Signal::TERM).unwrap();
        assert_eq!(signals.next().await, Asked::Stop);
        kill_process(getpid(), Signal::HUP).unwrap();
        kill_process(getpid(), Signal::INT).unwrap();
        signals.next_stop().await;
    }
}
