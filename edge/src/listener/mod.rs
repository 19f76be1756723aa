//! Connections: accepted while a process serves, each on a task of its own, closed in two stages.
//!
//! When the process drains, connections finish the request that runs and are closed; what still
//! runs when the hard stop comes is cut off. A connection that is slow to say what it wants is
//! closed, so slow ones cannot keep others out for long, and one address has a bounded number of
//! them. So is one that takes in nothing of its answer. A TLS handshake is the connection's own
//! affair: accepting does not wait for it.

mod complaints;
mod connection;
mod crowd;
mod names;
mod progress;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use complaints::Complaints;
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

impl Stop {
    /// Both stages at once.
    pub fn now(&self) {
        self.draining.cancel();
        self.hard.cancel();
    }
}

/// What connections may take.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Connections at once; more wait to be accepted.
    pub connections: u32,
    /// Connections at once from one address; more are closed as soon as they are accepted.
    pub per_address: u32,
    /// How long a connection may take to send the head of a request, or be idle between two.
    pub head_read: Duration,
    /// How long a peer may take in nothing of what is written to it.
    pub write_stall: Duration,
    /// Called for each connection that is cut since its peer took in nothing.
    pub cut: fn(),
    /// Called for each connection that is closed since its address has as many as it may.
    pub refused: fn(),
}

impl Bounds {
    /// The same with no more connections than there is room for, a quarter of which is kept from
    /// any one address: who holds all that it may keeps nobody else out.
    #[must_use]
    pub fn within(self, room: u32) -> Self {
        let connections = self.connections.min(room);
        let per_address = self.per_address.min(connections - connections / 4);
        Self { connections, per_address, ..self }
    }
}

/// How connections are encrypted.
pub struct Encryption {
    /// What the next handshake is made with.
    pub config: Box<dyn Fn() -> Arc<ServerConfig> + Send + Sync>,
    /// How long one may take.
    pub handshake: Duration,
}

/// A socket that listens.
pub struct Listener {
    socket: TcpListener,
    way: Way,
    room: Arc<Semaphore>,
    crowd: Crowd,
    refused: fn(),
    complaints: Complaints,
}

/// The head of a request, bytes: it may be larger by what is read at once with its end. Also what
/// is read of a body at once.
const HEAD_BYTES: usize = 32 << 10;

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
    pub fn listen(self, bounds: &Bounds, encryption: Option<Encryption>) -> io::Result<Listener> {
        Ok(Listener::on(self.0.listen(BACKLOG)?, bounds, encryption))
    }
}

impl Listener {
    fn on(socket: TcpListener, bounds: &Bounds, encryption: Option<Encryption>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(bounds.head_read)
            .max_buf_size(HEAD_BYTES)
            // An answer is on its way before the next request of its connection is looked at: who
            // sends requests and reads nothing makes the process hold one answer, not one for each.
            .pipeline_flush(false);
        let room = Arc::new(Semaphore::new(bounds.connections as usize));
        let crowd = Crowd::new(bounds.per_address);
        let way = Way::new(http, encryption, bounds);
        let (refused, complaints) = (bounds.refused, Complaints::default());
        Self { socket, way, room, crowd, refused, complaints }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts connections until the process drains. Their tasks are on `tasks`.
    pub async fn serve(mut self, router: Router, stop: Stop, tasks: TaskTracker) {
        while let Some(Some((stream, address, permit))) =
            stop.draining.run_until_cancelled(self.accept()).await
        {
            let Some(place) = self.crowd.enter(address.ip()) else {
                (self.refused)();
                continue;
            };
            let connection = self.way.clone().serve(stream, address, router.clone(), stop.clone());
            tasks.spawn(async move {
                connection.await;
                drop((permit, place));
            });
        }
    }

    /// The next connection; `None` only if the semaphore were closed, which it never is.
    async fn accept(&mut self) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok()?;
        loop {
            match self.socket.accept().await {
                Ok((stream, address)) => return Some((stream, address, permit)),
                Err(error) => {
                    if let Some(failures) = self.complaints.of_another(Instant::now()) {
                        warn!(%error, failures, "connections could not be accepted");
                    }
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}
