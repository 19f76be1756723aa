//! Accepts connections until told to stop; then lets those that run end, for a while, and cuts the
//! rest. Every connection is a tracked task.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::tls::Tls;

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

impl Stop {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { drain: CancellationToken::new(), cut: CancellationToken::new(), patience }
    }

    /// Both stages at once.
    pub(crate) fn now(&self) {
        self.drain.cancel();
        self.cut.cancel();
    }
}

/// Serves until stopped, encrypted if there is something to do it with; returns when no connection is
/// left.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    stop: &Stop,
) {
    let connections = TaskTracker::new();
    let graceful = GracefulShutdown::new();
    while let Some(stream) = next(&listener, stop).await {
        let (watcher, stop) = (graceful.watcher(), stop.clone());
        let (tls, router) = (tls.clone(), router.clone());
        connections.spawn(async move {
            let attended = attend(stream, tls, router, watcher, &stop.drain);
            stop.cut.run_until_cancelled(attended).await
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

async fn attend(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    router: Router,
    watcher: Watcher,
    drain: &CancellationToken,
) {
    let Some(tls) = tls else { return speak(stream, router, watcher).await };
    match drain.run_until_cancelled(tls.accept(stream)).await {
        // In a box: a session of TLS is large.
        Some(Ok(stream)) => Box::pin(speak(stream, router, watcher)).await,
        Some(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        None => {}
    }
}

async fn speak<S>(stream: S, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = server().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke");
    }
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::sync::Notify;

    use super::*;

    /// A server whose one request runs until `ends`, and that request, which is running.
    struct Running {
        ends: Arc<Notify>,
        served: tokio::task::JoinHandle<()>,
        asked: tokio::task::JoinHandle<reqwest::Result<String>>,
    }

    async fn running(stop: &Stop) -> Running {
        let (begun, ends) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begins, until) = (begun.clone(), ends.clone());
        let router = Router::new().route(
            "/",
            get(async move || {
                begins.notify_one();
                until.notified().await;
                "ended"
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let tasks = TaskTracker::new();
        let stop = stop.clone();
        let served = tasks.spawn(async move { serve(listener, None, router, &stop).await });
        let asked = tasks.spawn(async { reqwest::get(url).await?.text().await });
        begun.notified().await;
        Running { ends, served, asked }
    }

    #[tokio::test]
    async fn a_running_request_ends_before_the_server_does() {
        let stop = Stop::new(Duration::from_secs(60));
        let running = running(&stop).await;
        stop.drain.cancel();
        running.ends.notify_one();
        assert_eq!(running.asked.await.unwrap().unwrap(), "ended");
        running.served.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_outlasts_the_drain_is_cut() {
        let stop = Stop::new(Duration::ZERO);
        let running = running(&stop).await;
        stop.drain.cancel();
        running.served.await.unwrap();
        assert!(running.asked.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn a_second_stop_cuts_at_once() {
        let stop = Stop::new(Duration::from_secs(3_600));
        let running = running(&stop).await;
        stop.now();
        running.served.await.unwrap();
        assert!(running.asked.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn encrypted_with_the_certificate_of_the_moment() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let renew = || {
            let fresh = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            std::fs::write(&cert, fresh.cert.pem()).unwrap();
            std::fs::write(&key, fresh.signing_key.serialize_pem()).unwrap();
            let trusted = reqwest::Certificate::from_pem(fresh.cert.pem().as_bytes()).unwrap();
            reqwest::Client::builder().tls_certs_only([trusted]).build().unwrap()
        };
        let first = renew();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let tls = Arc::new(Tls::open(&cert, &key).unwrap());
        let (stop, tasks) = (Stop::new(Duration::ZERO), TaskTracker::new());
        let router = Router::new().route("/", get(|| async { "here" }));
        let stopped = stop.clone();
        let served = tasks.spawn(async move { serve(listener, Some(tls), router, &stopped).await });
        let said = |http: reqwest::Client| {
            let url = url.clone();
            async move { http.get(url).send().await?.text().await }
        };
        assert_eq!(said(first.clone()).await.unwrap(), "here");
        let second = renew();
        assert_eq!(said(second.clone()).await.unwrap(), "here");
        std::fs::write(&cert, "half a fi").unwrap();
        assert_eq!(said(second).await.unwrap(), "here");
        stop.now();
        served.await.unwrap();
    }
}
