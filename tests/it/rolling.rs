//! A limit over any 60 s, kept for longer than that.

use std::time::Duration;

use tests::chaos;

/// Two intervals and a bit.
const SPAN: Duration = Duration::from_secs(130);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_60_s_hold_more_than_the_limit_and_each_is_used() {
    let rolled = chaos::roll(SPAN).await.unwrap();
    let limit = rolled.limit;
    assert!(rolled.fullest.tokens <= limit.tokens, "{rolled:?}");
    assert!(rolled.fullest.requests <= limit.requests, "{rolled:?}");
    assert!(
        rolled.total.tokens > limit.tokens * 3 / 2,
        "what has left is granted again: {rolled:?}"
    );
}
