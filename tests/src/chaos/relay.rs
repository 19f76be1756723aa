//! A relay between clients and the quota server that loses, delays, repeats and reorders messages.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rand::{SeedableRng, rngs::StdRng};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::fault::Fault;

/// The relay, which works until it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    wire: Arc<Wire>,
}

/// What all of its connections share.
#[derive(Debug)]
struct Wire {
    server: String,
    http: reqwest::Client,
    rng: Mutex<StdRng>,
    is_calm: AtomicBool,
    faults: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A message, to be sent as often as the fault wants.
#[derive(Debug, Clone)]
struct Message {
    method: http::Method,
    path: String,
    body: Bytes,
}

/// The connection is to be cut without an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

impl Relay {
    /// Stands before a server, with faults that follow from the seed.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(server: &str, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let wire = Arc::new(Wire {
            server: server.to_owned(),
            http: reqwest::Client::new(),
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            is_calm: AtomicBool::new(false),
            faults: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let relay = Self { address: listener.local_addr()?, wire };
        relay.wire.spawn(accept(relay.wire.clone(), listener));
        Ok(relay)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// No more faults from now on.
    pub(super) fn calm_down(&self) {
        self.wire.is_calm.store(true, Ordering::Relaxed);
    }

    /// How many messages had a fault.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.wire.faults.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.wire.stop.cancel();
    }
}

async fn accept(wire: Arc<Wire>, listener: TcpListener) {
    while let Ok((connection, _)) = listener.accept().await {
        wire.spawn(serve(wire.clone(), connection));
    }
}

/// A connection that is cut ends with an error; that is what was wanted.
async fn serve(wire: Arc<Wire>, connection: TcpStream) {
    let service = service_fn(|request| {
        let wire = wire.clone();
        async move { wire.relay(request).await }
    });
    let connection = TokioIo::new(connection);
    drop(http1::Builder::new().serve_connection(connection, service).await);
}

impl Wire {
    /// Tasks end with the relay.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! { () = stop.cancelled() => (), () = task => () }
        });
    }

    fn fault(&self) -> Fault {
        if self.is_calm.load(Ordering::Relaxed) {
            return Fault::None;
        }
        let fault = Fault::choose(&mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner));
        self.faults.fetch_add(u64::from(fault != Fault::None), Ordering::Relaxed);
        fault
    }

    async fn relay(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Cut> {
        let message = Message::read(request).await?;
        match self.fault() {
            Fault::None => self.pass_on(&message).await,
            Fault::RequestLost => Err(Cut),
            Fault::AnswerLost => self.pass_on(&message).await.and(Err(Cut)),
            Fault::RequestLate(late) => {
                tokio::time::sleep(late).await;
                self.pass_on(&message).await
            }
            Fault::AnswerLate(late) => {
                let answer = self.pass_on(&message).await;
                tokio::time::sleep(late).await;
                answer
            }
            Fault::Twice => {
                drop(self.pass_on(&message).await);
                self.pass_on(&message).await
            }
            Fault::Echo(later) => {
                self.spawn(self.clone().echo(message.clone(), later));
                self.pass_on(&message).await
            }
        }
    }

    async fn echo(self: Arc<Self>, message: Message, later: Duration) {
        tokio::time::sleep(later).await;
        drop(self.pass_on(&message).await);
    }

    async fn pass_on(&self, message: &Message) -> Result<Response<Full<Bytes>>, Cut> {
        let url = format!("{}{}", self.server, message.path);
        let request = self.http.request(message.method.clone(), url);
        let request = request.header(CONTENT_TYPE, "application/json").body(message.body.clone());
        let answer = request.send().await.map_err(|_| Cut)?;
        let mut reply = Response::builder().status(answer.status());
        if let Some(kind) = answer.headers().get(CONTENT_TYPE) {
            reply = reply.header(CONTENT_TYPE, kind);
        }
        let body = answer.bytes().await.map_err(|_| Cut)?;
        reply.body(Full::new(body)).map_err(|_| Cut)
    }
}

impl Message {
    async fn read(request: Request<Incoming>) -> Result<Self, Cut> {
        let method = request.method().clone();
        let path = request.uri().to_string();
        let body = request.into_body().collect().await.map_err(|_| Cut)?.to_bytes();
        Ok(Self { method, path, body })
    }
}
