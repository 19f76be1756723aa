//! A server that is started before its store, or before its store is as it should be.

use http::StatusCode;
use quota_api::{Code, Problem};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tests::harness::{Postgres, QuotaServer, QuotaServerBuilder, Redis, wait};

use crate::support::{DEPLOYMENT, spec};

fn builder(flags: &[String]) -> QuotaServerBuilder {
    let builder = QuotaServer::builder().deployment(DEPLOYMENT, spec());
    flags.iter().fold(builder, QuotaServerBuilder::flag)
}

async fn acquire(server: &QuotaServer) -> reqwest::Response {
    let wish = json!({
        "deployment": DEPLOYMENT,
        "holder": "gw-1",
        "request_id": "3f1c7d52-7cf0-4a5e-9d0c-0f3a52f1f8a1",
        "tokens": {"min": 10, "want": 10},
        "requests": {"min": 1, "want": 1},
    });
    let url = format!("{}{}", server.process.url(), quota_api::routes::LEASES);
    server.http().post(url).json(&wish).send().await.unwrap()
}

async fn get(server: &QuotaServer, path: &str) -> reqwest::Response {
    server.http().get(format!("{}{path}", server.process.url())).send().await.unwrap()
}

/// It lives, is not ready, says why, and sends those away for a while who ask.
async fn waits(server: &QuotaServer, why: &str) {
    assert_eq!(get(server, quota_api::routes::HEALTHZ).await.status(), StatusCode::OK);
    let readyz = get(server, quota_api::routes::READYZ).await;
    assert_eq!(readyz.status(), StatusCode::SERVICE_UNAVAILABLE);
    let problem: Problem = readyz.json().await.unwrap();
    assert_eq!(problem.code, Code::LedgerUnavailable);
    assert!(problem.detail.contains(why), "{}", problem.detail);
    let refused = acquire(server).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let refused: Problem = refused.json().await.unwrap();
    assert!(refused.retry_after_ms.is_some_and(|ms| ms > 0), "{refused:?}");
    assert!(!refused.detail.contains(why), "{}", refused.detail);
    assert_eq!(server.metric("quota_ledger_writable").await.unwrap(), 0);
}

/// What is declared is there, and granted.
async fn grants(server: &QuotaServer) {
    wait::until("a grant", wait::START, || async {
        (acquire(server).await.status() == StatusCode::CREATED).then_some(())
    })
    .await
    .unwrap();
    // Told once a second.
    wait::until("a ledger that is told to be writable", wait::START, || async {
        (server.metric("quota_ledger_writable").await.ok() == Some(1)).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(server.metric("quota_reload_failures_total").await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_is_there_before_its_redis() {
    let mut redis = Redis::builder().start().await.unwrap();
    redis.process.kill().unwrap();
    let flags = ["--ledger=redis".to_owned(), format!("--redis-url=redis://{}", redis.address())];
    let server = builder(&flags).start().await.unwrap();
    waits(&server, &format!("redis://{} cannot be used", redis.address())).await;
    redis.start_again().await.unwrap();
    grants(&server).await;
}

#[tokio::test]
async fn a_server_is_there_before_the_catalogue_of_its_redis() {
    let (redis, mut postgres) =
        (Redis::builder().start().await.unwrap(), Postgres::start().await.unwrap());
    postgres.process.kill().unwrap();
    let flags = [
        "--ledger=redis".to_owned(),
        format!("--redis-url=redis://{}", redis.address()),
        format!("--database-url={}", postgres.url()),
    ];
    let server = builder(&flags).start().await.unwrap();
    waits(&server, "cannot open postgres://").await;
    postgres.start_again().await.unwrap();
    grants(&server).await;
}

#[tokio::test]
async fn a_server_is_there_before_its_postgres() {
    let mut postgres = Postgres::start().await.unwrap();
    postgres.process.kill().unwrap();
    let flags = ["--ledger=postgres".to_owned(), format!("--database-url={}", postgres.url())];
    let server = builder(&flags).start().await.unwrap();
    waits(&server, "cannot open postgres://").await;
    postgres.start_again().await.unwrap();
    grants(&server).await;
}

#[tokio::test]
async fn a_server_is_there_before_its_database_and_says_what_is_wrong() {
    let postgres = Postgres::start().await.unwrap();
    let url = postgres.url().replace("/postgres", "/quota");
    assert_ne!(url, postgres.url());
    let flags = ["--ledger=postgres".to_owned(), format!("--database-url={url}")];
    let server = builder(&flags).start().await.unwrap();
    waits(&server, "database \"quota\" does not exist").await;
    let log = server.process.log();
    assert_eq!(log.matches("the ledger cannot be opened yet").count(), 1, "{log}");
    let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
    connection.execute("CREATE DATABASE quota").await.unwrap();
    grants(&server).await;
}

#[tokio::test]
async fn a_server_that_waits_for_its_store_stops_at_once() {
    let mut postgres = Postgres::start().await.unwrap();
    postgres.process.kill().unwrap();
    let flags = ["--ledger=postgres".to_owned(), format!("--database-url={}", postgres.url())];
    let mut server = builder(&flags).start().await.unwrap();
    let status = server.process.stop(wait::START).await.unwrap();
    assert!(status.success(), "{status}");
}
