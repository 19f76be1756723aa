//! Connections: accepted while the server serves, each on a task of its own, closed in two stages.
//!
//! When the server drains, connections finish the request that runs and are closed; what still runs
//! when the hard stop comes is cut off. A connection that is slow to say what it wants is closed,
//! so slow ones cannot keep others out for long.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::config::HttpConfig;
use crate::peer::Peer;

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
    pub fn listen(self, config: &HttpConfig) -> io::Result<Listener> {
        Ok(Listener::on(self.0.listen(BACKLOG)?, config))
    }
}

impl Listener {
    fn on(socket: TcpListener, config: &HttpConfig) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(config.head_read_ms))
            .pipeline_flush(true);
        let room = Arc::new(Semaphore::new(config.max_connections as usize));
        Self { socket, http, room }
    }

    /// Accepts connections until the server drains. Their tasks are on `tasks`.
    pub async fn serve(self, router: Router, stop: Stop, tasks: TaskTracker) {
        while let Some(Some((stream, permit))) =
            stop.draining.run_until_cancelled(self.accept()).await
        {
            let (stream, address) = stream;
            let peer = Arc::new(Peer { address, names: Vec::new() });
            let service = Introduced { peer, router: TowerToHyperService::new(router.clone()) };
            let connection = serve_one(self.http.clone(), stream, service, stop.clone());
            tasks.spawn(async move {
                connection.await;
                drop(permit);
            });
        }
    }

    /// The next connection; `None` only if the semaphore were closed, which it never is.
    async fn accept(&self) -> Option<((TcpStream, SocketAddr), OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok()?;
        loop {
            match self.socket.accept().await {
                Ok(accepted) => return Some((accepted, permit)),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

/// The router, told with every request whose it is.
struct Introduced {
    peer: Arc<Peer>,
    router: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for Introduced {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Arc::clone(&self.peer));
        self.router.call(request)
    }
}

async fn serve_one(http: http1::Builder, stream: TcpStream, service: Introduced, stop: Stop) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use clap::Parser;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        http: HttpConfig,
    }

    struct Served {
        address: SocketAddr,
        stop: Stop,
        tasks: TaskTracker,
        running: Arc<Notify>,
        finish: Arc<Notify>,
    }

    /// Serves `/now`, and `/wait`, which tells when it runs and waits to be told to finish.
    async fn serve(flags: &str) -> Served {
        let args = format!("server --listen 127.0.0.1:0 {flags}");
        let config = Flags::parse_from(args.split_whitespace()).http;
        let listener = Bound::bind(config.listen).unwrap().listen(&config).unwrap();
        let served = Served {
            address: listener.socket.local_addr().unwrap(),
            stop: Stop::default(),
            tasks: TaskTracker::new(),
            running: Arc::default(),
            finish: Arc::default(),
        };
        let (running, finish) = (Arc::clone(&served.running), Arc::clone(&served.finish));
        let wait = move || async move {
            running.notify_one();
            finish.notified().await;
            "finished"
        };
        let router = Router::new().route("/now", get(|| async { "now" })).route("/wait", get(wait));
        let serving = listener.serve(router, served.stop.clone(), served.tasks.clone());
        served.tasks.spawn(serving);
        served.tasks.close();
        served
    }

    impl Served {
        async fn send(&self, text: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }

        async fn ask(&self, path: &str) -> TcpStream {
            self.send(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await
        }
    }

    /// All that comes until the server closes; a reset is a way to close.
    async fn rest(mut stream: TcpStream) -> String {
        let mut bytes = Vec::new();
        let _closed = stream.read_to_end(&mut bytes).await;
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn what_runs_may_finish_and_nothing_new_begins() {
        let served = serve("").await;
        let waiting = served.ask("/wait").await;
        served.running.notified().await;
        served.stop.draining.cancel();
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        served.finish.notify_one();
        let answer = rest(waiting).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
        served.tasks.wait().await;
    }

    #[tokio::test]
    async fn idle_connections_are_closed_at_once() {
        let served = serve("").await;
        let mut idle = served.ask("/now").await;
        let mut first = [0; 12];
        idle.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        served.stop.draining.cancel();
        served.tasks.wait().await;
    }

    #[tokio::test]
    async fn the_hard_stop_cuts_off_what_runs() {
        let served = serve("").await;
        let waiting = served.ask("/wait").await;
        served.running.notified().await;
        served.stop.draining.cancel();
        served.stop.hard.cancel();
        served.tasks.wait().await;
        assert_eq!(rest(waiting).await, "");
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_is_given_up() {
        let served = serve("--head-read-ms 20").await;
        let half = served.send("GET /now HTTP/1.1\r\nho").await;
        let nothing = served.send("").await;
        assert!(!rest(half).await.contains("200"));
        assert!(!rest(nothing).await.contains("200"));
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_wait() {
        let served = serve("--max-connections 1").await;
        let first = served.ask("/wait").await;
        served.running.notified().await;
        let second = served.ask("/wait").await;
        drop(first);
        served.running.notified().await;
        served.finish.notify_one();
        served.stop.draining.cancel();
        assert!(rest(second).await.ends_with("finished"));
    }
}
