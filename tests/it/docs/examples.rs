//! The clients of `docs/examples`, beside a real server, and through a relay that mistreats their
//! messages.

use quota_api::{WindowBook, WindowList};
use serde::Deserialize;
use tests::chaos::Relay;
use tests::harness::{QuotaServer, Ran};
use tokio::process::Command;

use super::file;
use crate::support::{Caller, DEPLOYMENT, TOKENS, server};

/// What a client prints.
#[derive(Debug, Deserialize)]
struct Told {
    passed: u64,
    denied: u64,
    retry_after_ms: u64,
}

/// A client, as somebody would start it.
type Start = fn() -> Command;

fn python() -> Command {
    let mut command = Command::new("python3");
    command.arg(file("docs/examples/client.py"));
    command
}

fn go() -> Command {
    let mut command = Command::new("go");
    command.args(["run", "."]).current_dir(file("docs/examples/go")).env("GOTOOLCHAIN", "local");
    command
}

async fn run(client: Start, url: &str, [requests, reserve, used]: [u64; 3]) -> Told {
    run_with(client(), url, [requests, reserve, used]).await
}

async fn run_with(mut command: Command, url: &str, [requests, reserve, used]: [u64; 3]) -> Told {
    let flags = [("requests", requests), ("reserve", reserve), ("use", used)];
    command.args(flags.map(|(name, value)| format!("--{name}={value}"))).args([url, DEPLOYMENT]);
    let ran = Ran::of(command).await.unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&ran.out).unwrap_or_else(|why| panic!("{why} in {ran:?}"))
}

/// All of its windows as one.
async fn book(server: &QuotaServer) -> WindowBook {
    let path = format!("/v1/deployments/{DEPLOYMENT}/windows?last=5");
    let list: WindowList = Caller::of(server).get(&path).await.done(200);
    let add = |mut sum: WindowBook, book: WindowBook| {
        let pairs = [
            (&mut sum.granted, book.granted),
            (&mut sum.given_back, book.given_back),
            (&mut sum.used, book.used),
            (&mut sum.held, book.held),
            (&mut sum.burnt, book.burnt),
        ];
        for (sum, part) in pairs {
            sum.tokens += part.tokens;
            sum.requests += part.requests;
        }
        sum
    };
    list.windows.into_iter().reduce(add).unwrap()
}

/// Every token that it drew and did not use is given back, and every one that it used is reported.
async fn is_exact(client: Start) {
    let server = server().await;
    let url = server.process.url();
    let told = run(client, url, [40, 15, 10]).await;
    assert_eq!((told.passed, told.denied), (40, 0), "{told:?}");
    let after = book(&server).await;
    assert_eq!((after.used.tokens, after.used.requests), (400, 40), "{after:?}");
    assert_eq!((after.held.tokens, after.burnt.tokens), (0, 0), "{after:?}");
    assert_eq!(after.granted.tokens - after.given_back.tokens, 400, "{after:?}");
    let told = run(client, url, [30, 15, 15]).await;
    assert_eq!((told.passed, told.denied), (6, 24), "what 100 tokens are enough for: {told:?}");
    assert!(told.retry_after_ms > 0, "{told:?}");
}

/// Leases that end while it waits are given back, and others taken.
async fn renews(mut command: Command, pause: &str) {
    let server = server().await;
    command.arg(pause);
    let told = run_with(command, server.process.url(), [12, 15, 10]).await;
    assert_eq!((told.passed, told.denied), (12, 0), "{told:?}");
    let after = book(&server).await;
    assert_eq!((after.used.tokens, after.burnt.tokens), (120, 0), "{after:?}");
    assert!(after.granted.requests > 20, "more than one lease: {after:?}");
}

/// Lost, late and repeated messages let nothing through that the limit does not.
async fn is_safe(client: Start) {
    let server = server().await;
    let relay = Relay::start(server.process.url(), 7).await.unwrap();
    let told = run(client, &relay.url(), [80, 15, 10]).await;
    assert_eq!(told.passed + told.denied, 80, "{told:?}");
    assert!(told.passed > 0 && told.passed * 10 <= TOKENS, "{told:?}");
    assert!(relay.faults() > 0, "the relay did nothing");
    let after = book(&server).await;
    assert!(after.used.tokens <= told.passed * 10, "{after:?} of {told:?}");
    let charged = after.granted.tokens - after.given_back.tokens;
    assert!((told.passed * 10..=TOKENS).contains(&charged), "{after:?} of {told:?}");
}

#[tokio::test]
async fn python_is_exact() {
    is_exact(python).await;
}

#[tokio::test]
async fn python_renews() {
    renews(python(), "--every-ms=250").await;
}

#[tokio::test]
async fn python_is_safe() {
    is_safe(python).await;
}

#[tokio::test]
async fn go_is_exact() {
    is_exact(go).await;
}

#[tokio::test]
async fn go_renews() {
    renews(go(), "--every=250ms").await;
}

#[tokio::test]
async fn go_is_safe() {
    is_safe(go).await;
}

#[tokio::test]
async fn the_shell_gives_back_what_it_did_not_use() {
    let server = server().await;
    let mut command = Command::new(file("docs/examples/lease.sh"));
    command.arg(DEPLOYMENT).env("QUOTA_URL", server.process.url());
    let ran = Ran::of(command).await.unwrap();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert!(ran.out.ends_with("gave back 85 tokens and 4 requests: 200\n"), "{ran:?}");
    let after = book(&server).await;
    assert_eq!((after.given_back.tokens, after.given_back.requests), (85, 4), "{after:?}");
}
