//! What a draw costs: `try_draw` and `settle` on one deployment, as a ratio to a floor measured in
//! the same run: one compare-and-swap on a packed word and the clock read that every draw needs.
//!
//! `cargo bench -p gateway-client --bench draw`

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use axum::Json;
use axum::routing::post;
use gateway_client::api::{
    Batch, BatchReply, Item, Lease, LeaseWindow, State, Usage, WindowKind, limits, routes,
};
use gateway_client::clock::{BootClock, Clock};
use gateway_client::{Amount, Deployment, Moment, Permit, QuotaClient};

const ROUNDS: usize = 15;
const DRAWS: u32 = 1_000_000;
const TOKEN: Amount = Amount::new(1, 0);

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
#[expect(clippy::print_stdout, reason = "a benchmark shows what it measured")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = QuotaClient::builder(generous_server().await?).build()?;
    let deployment = client.deployment("bench");
    deployment.draw(TOKEN).await?.cancel();
    println!("allocations in {DRAWS} draws: {}", allocations(&deployment));
    println!("threads  floor ns  draw+settle ns  ratio  draw+refund ns  ratio");
    for threads in [1, 4] {
        let (mut floors, mut settles, mut refunds) = (vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            let word = AtomicU64::new(u64::MAX);
            floors.push(nanos_each(threads, || floor(&word)));
            // Nobody drew meanwhile, so on a busy machine the lease may have gone back as idle.
            deployment.draw(TOKEN).await?.cancel();
            settles.push(nanos_each(threads, || settle(&deployment)));
            refunds.push(nanos_each(threads, || refund(&deployment)));
        }
        let (floor, settle, refund) = (median(floors), median(settles), median(refunds));
        println!(
            "{threads:>7}  {floor:>8.1}  {settle:>14.1}  {:>5.2}  {refund:>14.1}  {:>5.2}",
            settle / floor,
            refund / floor,
        );
    }
    client.shutdown().await.ok();
    Ok(())
}

/// The least that a draw could do.
fn floor(word: &AtomicU64) {
    black_box(BootClock.now());
    let mut free = word.load(Relaxed);
    while let Err(seen) = word.compare_exchange_weak(free, free - (1 << 24), AcqRel, Relaxed) {
        free = seen;
    }
}

fn settle(deployment: &Deployment) {
    black_box(permit(deployment)).settle(TOKEN);
}

fn refund(deployment: &Deployment) {
    black_box(permit(deployment)).cancel();
}

/// A lease covers every draw, unless all of the threads were held up until it counted as idle: then
/// the next one is on its way.
fn permit(deployment: &Deployment) -> Permit {
    loop {
        if let Ok(permit) = deployment.try_draw(TOKEN) {
            return permit;
        }
        std::thread::yield_now();
    }
}

fn allocations(deployment: &Deployment) -> u64 {
    let counted = allocation_counter::measure(|| {
        for _ in 0..DRAWS {
            settle(deployment);
            refund(deployment);
        }
    });
    assert_eq!(counted.count_total, 0, "a draw allocates");
    counted.count_total
}

/// How long one step takes, in wall-clock nanoseconds of one of `threads` threads at once.
fn nanos_each(threads: usize, step: impl Fn() + Sync) -> f64 {
    let start = Barrier::new(threads);
    let spans: Vec<f64> = std::thread::scope(|scope| {
        let run = || {
            start.wait();
            let began: Moment = BootClock.now();
            for _ in 0..DRAWS {
                step();
            }
            BootClock.now().since(began).as_secs_f64()
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no step panics")).collect()
    });
    let slowest = spans.into_iter().fold(0.0, f64::max);
    slowest * 1e9 / f64::from(DRAWS)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// A server that grants the largest lease there is, for a minute.
async fn generous_server() -> std::io::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let app = axum::Router::new().route(routes::BATCH, post(grant));
    let tasks = tokio_util::task::TaskTracker::new();
    tasks.spawn(async { axum::serve(listener, app).await });
    Ok(url)
}

async fn grant(Json(batch): Json<Batch>) -> Json<BatchReply> {
    let grant = |item: &gateway_client::api::AcquireItem| {
        let lease = Lease {
            lease_id: item.request_id.clone(),
            deployment: item.deployment.clone(),
            tokens: limits::MAX_LEASE_TOKENS,
            requests: limits::MAX_LEASE_REQUESTS,
            starts_in_ms: 0,
            expires_in_ms: 600_000,
            window: LeaseWindow {
                kind: WindowKind::Rolling,
                ends_in_ms: 600_000,
                returns_in_ms: None,
            },
            state: State::Ok,
            usage: Usage::default(),
        };
        Item::done(201, lease)
    };
    Json(BatchReply { acquire: batch.acquire.iter().map(grant).collect(), ..BatchReply::default() })
}
