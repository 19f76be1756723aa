use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;

struct Served {
    address: SocketAddr,
    stop: Stop,
    tasks: TaskTracker,
    running: Arc<Notify>,
    finish: Arc<Notify>,
    large_answers: Arc<AtomicUsize>,
}

/// Of an answer of `/large`.
const LARGE: usize = 1 << 20;

const BOUNDS: Bounds = Bounds {
    connections: 100,
    per_address: 100,
    head_read: Duration::from_secs(60),
    write_stall: Duration::from_secs(10),
    cut: || (),
    refused: || (),
};

/// Serves `/now`, `/large`, and `/wait`, which tells when it runs and waits to be told to finish.
async fn serve(bounds: Bounds) -> Served {
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Bound::bind(address).unwrap().listen(&bounds, None).unwrap();
    let served = Served {
        address: listener.address().unwrap(),
        stop: Stop::default(),
        tasks: TaskTracker::new(),
        running: Arc::default(),
        finish: Arc::default(),
        large_answers: Arc::default(),
    };
    let (running, finish) = (Arc::clone(&served.running), Arc::clone(&served.finish));
    let wait = move || async move {
        running.notify_one();
        finish.notified().await;
        "finished"
    };
    let made = Arc::clone(&served.large_answers);
    let large = move || async move {
        made.fetch_add(1, Ordering::Relaxed);
        vec![7; LARGE]
    };
    let router = Router::new()
        .route("/now", get(|| async { "now" }))
        .route("/wait", get(wait))
        .route("/large", get(large));
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
    let served = serve(BOUNDS).await;
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
    let served = serve(BOUNDS).await;
    let mut idle = served.ask("/now").await;
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    served.stop.draining.cancel();
    served.tasks.wait().await;
}

#[tokio::test]
async fn the_hard_stop_cuts_off_what_runs() {
    let served = serve(BOUNDS).await;
    let waiting = served.ask("/wait").await;
    served.running.notified().await;
    served.stop.draining.cancel();
    served.stop.hard.cancel();
    served.tasks.wait().await;
    assert_eq!(rest(waiting).await, "");
}

#[tokio::test]
async fn a_head_that_does_not_come_is_given_up() {
    let served = serve(Bounds { head_read: Duration::from_millis(20), ..BOUNDS }).await;
    let half = served.send("GET /now HTTP/1.1\r\nho").await;
    let nothing = served.send("").await;
    assert!(!rest(half).await.contains("200"));
    assert!(!rest(nothing).await.contains("200"));
}

#[tokio::test]
async fn connections_beyond_the_bound_wait() {
    let served = serve(Bounds { connections: 1, ..BOUNDS }).await;
    let mut first = served.ask("/wait").await;
    served.running.notified().await;
    let mut second = served.ask("/large").await;
    // Two more requests on the first connection, while the second one's lies there.
    for _ in 0..2 {
        first.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        served.finish.notify_one();
        served.running.notified().await;
    }
    assert_eq!(served.large_answers.load(Ordering::Relaxed), 0, "nobody took it in");
    drop(first);
    let mut head = [0; 12];
    second.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let served = serve(BOUNDS).await;
    let large =
        format!("GET /now HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(4 * HEAD_BYTES));
    let answer = rest(served.send(&large).await).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_more_are_closed_and_counted() {
    static REFUSED: AtomicUsize = AtomicUsize::new(0);
    let refused = || {
        REFUSED.fetch_add(1, Ordering::Relaxed);
    };
    let served = serve(Bounds { per_address: 1, refused, ..BOUNDS }).await;
    let first = served.ask("/wait").await;
    served.running.notified().await;
    assert_eq!(rest(served.ask("/now").await).await, "");
    assert_eq!(REFUSED.load(Ordering::Relaxed), 1);
    served.finish.notify_one();
    served.stop.draining.cancel();
    assert!(rest(first).await.ends_with("finished"));
}

#[tokio::test]
async fn who_asks_and_reads_nothing_gets_no_more_than_the_sockets_hold_and_is_cut() {
    const ASKED: usize = 500;
    let served = serve(Bounds { write_stall: Duration::from_millis(50), ..BOUNDS }).await;
    let requests = "GET /large HTTP/1.1\r\nhost: a\r\n\r\n".repeat(ASKED);
    let _unread = served.send(&requests).await;
    while served.large_answers.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    // The connection has answers to write, so the drain waits until it is cut.
    served.stop.draining.cancel();
    served.tasks.wait().await;
    let made = served.large_answers.load(Ordering::Relaxed);
    assert!(made < ASKED / 10, "{made} answers of {LARGE} bytes were made for nobody");
}

#[tokio::test]
async fn who_asks_for_many_at_once_and_reads_gets_all() {
    const ASKED: usize = 20;
    let served = serve(BOUNDS).await;
    let mut requests = "GET /large HTTP/1.1\r\nhost: a\r\n\r\n".repeat(ASKED - 1);
    requests += "GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut stream = served.send(&requests).await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes.len() > ASKED * LARGE, "{}", bytes.len());
}

#[test]
fn there_are_no_more_connections_than_room() {
    let bounds = |room| {
        let Bounds { connections, per_address, .. } = BOUNDS.within(room);
        (connections, per_address)
    };
    assert_eq!(bounds(1_000), (100, 75), "a quarter is for others");
    assert_eq!((bounds(80), bounds(1)), ((80, 60), (1, 1)));
}
