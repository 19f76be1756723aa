//! A closed loop of keep-alive connections, each with one request under way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is sent, to whom, over how many connections, and for how long.
#[derive(Clone)]
pub struct Load {
    /// The server.
    pub to: SocketAddr,
    /// The path that is posted to.
    pub path: &'static str,
    /// Connections, each with one request under way.
    pub connections: usize,
    /// How long at most.
    pub lasts: Duration,
    /// How many requests on each connection at most.
    pub turns: u64,
    /// The body of a connection's n-th request.
    pub body: Arc<dyn Fn(usize, u64) -> Bytes + Send + Sync>,
}

/// What came of a load.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Answers below 300.
    pub good: u64,
    /// Other answers.
    pub bad: u64,
    /// For how long it went on, in seconds.
    pub seconds: f64,
    /// Times to answer, in µs.
    pub latency_us: Histogram<u64>,
}

impl Outcome {
    /// Good answers a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.good as f64 / self.seconds
    }
}

/// Puts the load on the server.
///
/// # Errors
/// A connection fails.
pub async fn run(load: &Load) -> anyhow::Result<Outcome> {
    let began = Instant::from_std(crate::clock::instant());
    let mut connections = JoinSet::new();
    for number in 0..load.connections {
        connections.spawn(connection(load.clone(), number, began + load.lasts));
    }
    let mut sum = Outcome { good: 0, bad: 0, seconds: 0.0, latency_us: Histogram::new(3)? };
    while let Some(one) = connections.join_next().await {
        let one = one??;
        sum.good += one.good;
        sum.bad += one.bad;
        sum.latency_us.add(&one.latency_us)?;
    }
    sum.seconds = began.elapsed().as_secs_f64();
    Ok(sum)
}

async fn connection(load: Load, number: usize, until: Instant) -> anyhow::Result<Outcome> {
    let stream = TcpStream::connect(load.to).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::select! {
        outcome = requests(sender, &load, number, until) => outcome,
        ended = connection => {
            ended?;
            anyhow::bail!("the server closed the connection")
        }
    }
}

async fn requests(
    mut sender: SendRequest<Full<Bytes>>,
    load: &Load,
    number: usize,
    until: Instant,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome { good: 0, bad: 0, seconds: 0.0, latency_us: Histogram::new(3)? };
    for turn in 0..load.turns {
        let began = Instant::from_std(crate::clock::instant());
        if began >= until {
            break;
        }
        let request = hyper::Request::post(load.path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new((load.body)(number, turn)))?;
        let answer = sender.send_request(request).await?;
        let is_good = answer.status().as_u16() < 300;
        answer.into_body().collect().await?;
        outcome.latency_us.record(u64::try_from(began.elapsed().as_micros())?)?;
        if is_good {
            outcome.good += 1;
        } else {
            outcome.bad += 1;
        }
    }
    Ok(outcome)
}
