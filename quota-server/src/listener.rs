//! Connections: accepted while the server serves, each on a task of its own, closed in two stages.
//!
//! When the server drains, connections finish the request that runs and are closed; what still runs
//! when the hard stop comes is cut off. A connection that is slow to say what it wants is closed,
//! so slow ones cannot keep others out for long.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::config::HttpConfig;

/// How long accepting rests after it failed, as it does when file descriptors run out.
const REST: Duration = Duration::from_millis(50);

/// The two stages of a stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Nothing new is begun.
    pub draining: CancellationToken,
    /// Nothing is waited for any more.
    pub hard: CancellationToken,
}

/// A socket that listens.
pub struct Listener {
    socket: TcpListener,
    http: http1::Builder,
    room: Arc<Semaphore>,
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// The address is taken, or is none of this machine's.
    pub async fn bind(config: &HttpConfig) -> io::Result<Self> {
        let socket = TcpListener::bind(config.listen).await?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(config.head_read_ms))
            .pipeline_flush(true);
        let room = Arc::new(Semaphore::new(config.max_connections as usize));
        Ok(Self { socket, http, room })
    }

    /// The address, with the port that was chosen if any would do.
    ///
    /// # Errors
    /// The socket has none.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts connections until the server drains. Their tasks are on `tasks`.
    pub async fn serve(self, router: Router, stop: Stop, tasks: TaskTracker) {
        while let Some(Some((stream, permit))) =
            stop.draining.run_until_cancelled(self.accept()).await
        {
            let connection = serve_one(self.http.clone(), stream, router.clone(), stop.clone());
            tasks.spawn(async move {
                connection.await;
                drop(permit);
            });
        }
    }

    /// The next connection; `None` only if the semaphore were closed, which it never is.
    async fn accept(&self) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok()?;
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => return Some((stream, permit)),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

async fn serve_one(http: http1::Builder, stream: TcpStream, router: Router, stop: Stop) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = stop.hard.run_until_cancelled(async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = stop.draining.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.as_mut().await
    });
    match ended.await {
        Some(Ok(())) => {}
        Some(Err(error)) => debug!(%error, "a connection broke"),
        None => debug!("a connection was cut off by the stop"),
    }
}
