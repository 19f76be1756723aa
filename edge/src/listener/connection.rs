//! One connection, from its handshake to its end.

use std::convert::Infallible;
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
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::progress::Progress;
use super::{Bounds, Encryption, Stop, names};
use crate::Peer;

/// How connections are spoken on.
#[derive(Clone)]
pub(super) struct Way {
    http: http1::Builder,
    encryption: Option<Arc<Encryption>>,
    write_stall: Duration,
    cut: fn(),
}

impl Way {
    pub(super) fn new(
        http: http1::Builder,
        encryption: Option<Encryption>,
        bounds: &Bounds,
    ) -> Self {
        let Bounds { write_stall, cut, .. } = *bounds;
        Self { http, encryption: encryption.map(Arc::new), write_stall, cut }
    }

    pub(super) async fn serve(
        self,
        stream: TcpStream,
        address: SocketAddr,
        router: Router,
        stop: Stop,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "no TCP_NODELAY");
        }
        // Below TLS, which takes in more than the peer does.
        let stream = Progress::new(stream, self.write_stall, self.cut);
        let Some(encryption) = &self.encryption else {
            let service = Introduced::new(address, Vec::new(), router);
            return self.speak(stream, service, stop).await;
        };
        // Who has not even said who it is has no request that runs.
        let handshake = stop.draining.run_until_cancelled(encryption.accept(stream, address));
        if let Some(Some((stream, names))) = handshake.await {
            let service = Introduced::new(address, names, router);
            // In a box: a session of TLS is large.
            Box::pin(self.speak(stream, service, stop)).await;
        }
    }

    async fn speak<S>(&self, stream: S, service: Introduced, stop: Stop)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
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
}

impl Encryption {
    async fn accept(
        &self,
        stream: Progress<TcpStream>,
        address: SocketAddr,
    ) -> Option<(impl AsyncRead + AsyncWrite + Unpin + Send + 'static, Vec<String>)> {
        let handshake = TlsAcceptor::from((self.config)()).accept(stream);
        match timeout(self.handshake, handshake).await {
            Ok(Ok(stream)) => {
                let (_, session) = stream.get_ref();
                let names = session.peer_certificates().and_then(|chain| chain.first());
                let names = names.map(names::of).unwrap_or_default();
                return Some((stream, names));
            }
            Ok(Err(error)) => debug!(%address, %error, "a handshake failed"),
            Err(_) => debug!(%address, "a handshake took too long"),
        }
        None
    }
}

/// The router, told with every request whose it is.
struct Introduced {
    peer: Arc<Peer>,
    router: TowerToHyperService<Router>,
}

impl Introduced {
    fn new(address: SocketAddr, names: Vec<String>, router: Router) -> Self {
        let peer = Arc::new(Peer { address, names });
        Self { peer, router: TowerToHyperService::new(router) }
    }
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
