use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::super::RedisAddress;
use super::TestRedis;

/// An address that leads to one Redis and later to another, as a name in DNS does.
pub(crate) struct TestName {
    port: u16,
    to: Arc<AtomicU16>,
    cut: Arc<Notify>,
}

impl TestName {
    pub(crate) async fn of(redis: &TestRedis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (to, cut) = (Arc::new(AtomicU16::new(redis.port)), Arc::new(Notify::new()));
        TaskTracker::new().spawn(serve(listener, to.clone(), cut.clone()));
        Self { port, to, cut }
    }

    /// Those who connect from now on come there.
    pub(crate) fn lead_to(&self, redis: &TestRedis) {
        self.to.store(redis.port, Ordering::Release);
    }

    /// Ends the connections.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }

    pub(crate) fn address(&self) -> RedisAddress {
        format!("redis://127.0.0.1:{}", self.port).parse().unwrap()
    }
}

async fn serve(listener: TcpListener, to: Arc<AtomicU16>, cut: Arc<Notify>) {
    let connections = TaskTracker::new();
    while let Ok((mut from, _)) = listener.accept().await {
        let (to, cut) = (to.load(Ordering::Acquire), cut.clone());
        connections.spawn(async move {
            let Ok(mut redis) = TcpStream::connect(("127.0.0.1", to)).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut from, &mut redis) => {}
                () = cut.notified() => {}
            }
        });
    }
}
