//! Connections: accepted while the server serves, each on a task of its own, closed in two stages.
//!
//! When the server drains, connections finish the request that runs and are closed; what still runs
//! when the hard stop comes is cut off. A connection that is slow to say what it wants is closed,
//! so slow ones cannot keep others out for long, and one address has a bounded number of them. So is
//! one that takes in nothing of its answer. A TLS handshake is the connection's own affair: accepting
//! does not wait for it.

mod connection;
mod crowd;
mod progress;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::config::HttpConfig;
use crate::tls::Tls;

use connection::Way;
use crowd::Crowd;

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

/// How connections are encrypted.
pub struct Encryption {
    /// What handshakes are made with.
    pub tls: Arc<Tls>,
    /// How long one may take.
    pub handshake: Duration,
}

/// A socket that listens.
pub struct Listener {
    socket: TcpListener,
    way: Way,
    room: Arc<Semaphore>,
    crowd: Crowd,
}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// An address that is taken, and refuses connections until it is listened on.
pub struct Bound(TcpSocket);

impl Bound {
    /// Takes an address.
    ///
    /// # Errors
    /// It is taken, or is none of this machine's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }

    /// The address, with the port that was chosen if any would do.
    ///
    /// # Errors
    /// The socket has none.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// Another process has begun to listen on the address first.
    pub fn listen(
        self,
        config: &HttpConfig,
        encryption: Option<Encryption>,
    ) -> io::Result<Listener> {
        Ok(Listener::on(self.0.listen(BACKLOG)?, config, encryption))
    }
}

impl Listener {
    fn on(socket: TcpListener, config: &HttpConfig, encryption: Option<Encryption>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(config.head_read_ms))
            // An answer is on its way before the next request of its connection is looked at: who sends
            // requests and reads nothing makes the server hold one answer, not one for each.
            .pipeline_flush(false);
        let room = Arc::new(Semaphore::new(config.max_connections as usize));
        let crowd = Crowd::new(config.max_connections_per_ip);
        let write_stall = Duration::from_millis(config.write_stall_ms);
        Self { socket, way: Way::new(http, encryption, write_stall), room, crowd }
    }

    /// Accepts connections until the server drains. Their tasks are on `tasks`.
    pub async fn serve(self, router: Router, stop: Stop, tasks: TaskTracker) {
        while let Some(Some((stream, address, permit))) =
            stop.draining.run_until_cancelled(self.accept()).await
        {
            let Some(place) = self.crowd.enter(address.ip()) else { continue };
            let connection = self.way.clone().serve(stream, address, router.clone(), stop.clone());
            tasks.spawn(async move {
                connection.await;
                drop((permit, place));
            });
        }
    }

    /// The next connection; `None` only if the semaphore were closed, which it never is.
    async fn accept(&self) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok()?;
        loop {
            match self.socket.accept().await {
                Ok((stream, address)) => return Some((stream, address, permit)),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}
