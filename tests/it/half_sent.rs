//! Requests that stop in their middle, over a bare connection.

use std::time::Duration;

use quota_api::Lease;
use tests::harness::QuotaServer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Caller, DEPLOYMENT, spec};

/// How long the server may take to give up: many times its own limit, for a busy machine.
const BOUND: Duration = Duration::from_secs(30);

/// A server that waits no longer than a second.
async fn server() -> QuotaServer {
    let builder = QuotaServer::builder().deployment(DEPLOYMENT, spec());
    builder.flag("--head-read-ms=1000").flag("--body-read-ms=1000").start().await.unwrap()
}

async fn half_sent(server: &QuotaServer, text: &str) -> TcpStream {
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    connection
}

/// What the server says before it closes the connection. That it was reset is a way to close it.
async fn last_words(mut connection: TcpStream) -> String {
    let mut words = Vec::new();
    let read = connection.read_to_end(&mut words);
    let closed = tokio::time::timeout(BOUND, read).await;
    assert!(closed.is_ok(), "the server keeps the connection open");
    String::from_utf8_lossy(&words).into_owned()
}

#[tokio::test]
async fn a_half_sent_request_holds_nobody_up_and_is_given_up() {
    let server = server().await;
    let caller = Caller::of(&server);
    let body = "POST /v1/leases HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        content-length: 500\r\n\r\n{\"deployment\"";
    let head = "POST /v1/leases HTTP/1.1\r\nhost: localhost\r\ncontent-le";
    let waiting = [half_sent(&server, body).await, half_sent(&server, head).await];
    let lease: Lease = caller.acquire("good", 5, 1).await.done(201);
    assert_eq!(lease.usage.tokens.outstanding, 5);
    let [body, head] = waiting.map(last_words);
    let (body, head) = tokio::join!(body, head);
    for words in [body, head] {
        assert!(words.is_empty() || words.starts_with("HTTP/1.1 408"), "{words}");
    }
    let lease: Lease = caller.acquire("good 2", 5, 1).await.done(201);
    assert_eq!(lease.usage.tokens.outstanding, 10);
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let server = server().await;
    let caller = Caller::of(&server);
    let connection = half_sent(&server, "\u{1}\u{2} this is not HTTP\r\n\r\n").await;
    let words = last_words(connection).await;
    assert!(words.is_empty() || words.starts_with("HTTP/1.1 400"), "{words}");
    let _: Lease = caller.acquire("good", 5, 1).await.done(201);
}

#[tokio::test]
async fn a_caller_that_leaves_in_the_middle_does_no_harm() {
    let server = server().await;
    let caller = Caller::of(&server);
    for _ in 0..20 {
        drop(
            half_sent(
                &server,
                "POST /v1/leases HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{",
            )
            .await,
        );
    }
    let lease: Lease = caller.acquire("good", 5, 1).await.done(201);
    assert_eq!(lease.usage.tokens.outstanding, 5);
}
