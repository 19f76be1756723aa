//! Serves until told to stop; then lets the requests that run end, for a while, and cuts the rest.

use std::time::Duration;

use axum::Router;
use edge::listener::{Listener, Stop};
use tokio_util::task::TaskTracker;

/// Serves until stopped, and for as long after as requests run, at most so long; returns when no
/// connection is left.
pub(crate) async fn serve(listener: Listener, router: Router, stop: &Stop, patience: Duration) {
    let connections = TaskTracker::new();
    listener.serve(router, stop.clone(), connections.clone()).await;
    connections.close();
    tokio::select! {
        () = connections.wait() => {}
        () = tokio::time::sleep(patience) => tracing::warn!("requests still run: cut"),
        () = stop.hard.cancelled() => tracing::warn!("told to stop at once: cut"),
    }
    stop.hard.cancel();
    connections.wait().await;
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use axum::routing::get;
    use edge::listener::{Bound, Bounds, Encryption};
    use tokio::sync::Notify;

    use super::*;
    use crate::tls::Tls;

    fn listener(encryption: Option<Encryption>) -> (Listener, SocketAddr) {
        let bounds = Bounds {
            connections: 10,
            per_address: 10,
            head_read: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            cut: || (),
            refused: || (),
        };
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = bound.address().unwrap();
        (bound.listen(&bounds, encryption).unwrap(), address)
    }

    /// A server whose one request runs until `ends`, and that request, which is running.
    struct Running {
        ends: Arc<Notify>,
        served: tokio::task::JoinHandle<()>,
        asked: tokio::task::JoinHandle<reqwest::Result<String>>,
    }

    async fn running(stop: &Stop, patience: Duration) -> Running {
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
        let (listener, address) = listener(None);
        let url = format!("http://{address}/");
        let tasks = TaskTracker::new();
        let stop = stop.clone();
        let served = tasks.spawn(async move { serve(listener, router, &stop, patience).await });
        let asked = tasks.spawn(async { reqwest::get(url).await?.text().await });
        begun.notified().await;
        Running { ends, served, asked }
    }

    #[tokio::test]
    async fn a_running_request_ends_before_the_server_does() {
        let stop = Stop::default();
        let running = running(&stop, Duration::from_secs(60)).await;
        stop.draining.cancel();
        running.ends.notify_one();
        assert_eq!(running.asked.await.unwrap().unwrap(), "ended");
        running.served.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_outlasts_the_drain_is_cut() {
        let stop = Stop::default();
        let running = running(&stop, Duration::ZERO).await;
        stop.draining.cancel();
        running.served.await.unwrap();
        assert!(running.asked.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn a_second_stop_cuts_at_once() {
        let stop = Stop::default();
        let running = running(&stop, Duration::from_secs(3_600)).await;
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
        let tls = Arc::new(Tls::open(&cert, &key).unwrap());
        let (listener, address) = listener(Some(tls.encryption()));
        let url = format!("https://localhost:{}/", address.port());
        let (stop, tasks) = (Stop::default(), TaskTracker::new());
        let router = Router::new().route("/", get(|| async { "here" }));
        let stopped = stop.clone();
        let served =
            tasks.spawn(async move { serve(listener, router, &stopped, Duration::ZERO).await });
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
