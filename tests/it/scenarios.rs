//! The scenarios of the field that fit a test run: each a minute or so, side by side.

use tests::scenario::{Name, Options, Watch, play};

pub(crate) async fn won(name: Name, options: Options) {
    let report = play(name, &options, &Watch::default()).await.unwrap();
    assert!(
        report.broken().is_empty(),
        "{}\n{}{:?}",
        report.title,
        report.verdicts(),
        report.notes
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_a_slow_stream_on_five_gateways() {
    won(Name::SlowStream, Options { minutes: Some(1), ..Options::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_with_the_server_and_a_gateway_killed() {
    let minutes = Some(2);
    won(
        Name::SlowStream,
        Options { minutes, kill_server: true, kill_gateway: true, ..Options::default() },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_three_hundred_at_once_from_cold() {
    won(Name::ColdBurst, Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Python with tests/requirements.txt: see TOKENLEASE_PYTHON in scenario/stock_client.rs"]
async fn s3_batches_from_openai_s_own_client() {
    won(Name::StockClient, Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_the_least_used_over_all_gateways() {
    won(Name::SharedUsage, Options { minutes: Some(1), ..Options::default() }).await;
}
