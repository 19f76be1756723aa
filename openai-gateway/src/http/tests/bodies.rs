//! What bodies may take of memory, all together.

use std::convert::Infallible;
use std::pin::Pin;

use axum::response::Response;
use futures_util::{StreamExt, poll, stream};

use super::upstream::{FakeUpstream, gzipped};
use super::*;

const LARGEST: usize = 1 << 20;

/// A request whose body of this size has arrived but for its end.
async fn stalled(gateway: &Router, bytes: usize) -> Pin<Box<impl Future<Output = Response>>> {
    let arrived = stream::iter([Ok::<_, Infallible>(vec![b' '; bytes])]);
    let body = Body::from_stream(arrived.chain(stream::pending()));
    let gateway = gateway.clone();
    let mut asked =
        Box::pin(async move { gateway.oneshot(post("/v1/chat/completions", body)).await.unwrap() });
    assert!(poll!(asked.as_mut()).is_pending());
    asked
}

#[tokio::test]
async fn bodies_that_do_not_end_take_no_more_than_there_is_room_for() {
    let upstream = FakeUpstream::answering("{}").await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let first = stalled(&gateway, LARGEST).await;
    let _second = stalled(&gateway, LARGEST).await;
    let refused = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
    let (status, code) = (refused.status.as_u16(), refused.error()["code"].clone());
    assert_eq!((status, code.as_str()), (503, Some("overloaded")));
    assert_eq!(refused.headers["retry-after"], "1");
    drop(first);
    assert_eq!(ask(&gateway, post("/v1/chat/completions", CHAT)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_coded_body_becomes_takes_room_too() {
    let upstream = FakeUpstream::answering("{}").await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let _held = stalled(&gateway, LARGEST).await;
    let padded = |bytes: usize| {
        let mut body = CHAT.as_bytes().to_vec();
        body.resize(bytes, b' ');
        let mut request = post("/v1/chat/completions", gzipped(&body));
        request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        request
    };
    assert_eq!(ask(&gateway, padded(LARGEST)).await.error()["code"], "overloaded");
    assert_eq!(ask(&gateway, padded(LARGEST / 2)).await.status, 200);
}
