//! Accepts connections until told to stop; then lets those that run end, for a while, and cuts the
//! rest. Every connection is a tracked task.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a caller may take to send a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long not to accept when the process has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// When to stop.
#[derive(Clone)]
pub(crate) struct Stop {
    /// Accept nothing more, let running requests end.
    pub(crate) drain: CancellationToken,
    /// Cut what still runs.
    pub(crate) cut: CancellationToken,
    /// How long between the two at most.
    pub(crate) patience: Duration,
}

/// Serves until stopped; returns when no connection is left.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: &Stop) {
    let connections = TaskTracker::new();
    let graceful = GracefulShutdown::new();
    let server = server();
    while let Some(stream) = next(&listener, stop).await {
        let service = TowerToHyperService::new(router.clone());
        let connection = server.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        let cut = stop.cut.clone();
        connections.spawn(async move {
            if let Some(Err(error)) = cut.run_until_cancelled(connection).await {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    connections.close();
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(stop.patience) => tracing::warn!("requests still run: cut"),
        () = stop.cut.cancelled() => tracing::warn!("told to stop at once: cut"),
    }
    stop.cut.cancel();
    connections.wait().await;
}

fn server() -> Builder {
    let mut server = Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    server
}

/// The next connection, until the stop.
async fn next(listener: &TcpListener, stop: &Stop) -> Option<TcpStream> {
    loop {
        match stop.drain.run_until_cancelled(listener.accept()).await? {
            Ok((stream, _)) => {
                // Small answers must not wait to be sent together.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                return Some(stream);
            }
            Err(error) => {
                tracing::warn!(%error, "no connection accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
