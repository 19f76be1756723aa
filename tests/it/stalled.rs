//! Somebody reads the logs, and then no more.

use std::process::Stdio;
use std::time::Duration;

use quota_api::routes;
use serde_json::json;
use tests::harness::Ran;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What a pipe holds unless told otherwise.
const PIPE_BYTES: usize = 65_536;

async fn server(folder: &tempfile::TempDir) -> (Child, String) {
    let mut command = Command::new(Ran::quota_server_path().await.unwrap());
    command.args(["--listen=127.0.0.1:0", "--log-level=trace"]);
    command.arg(format!("--data-dir={}", folder.path().display())).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = said.next_line().await.unwrap().expect("it says where it listens");
        if let Some((_, url)) = line.split_once("listening on ") {
            return (child, url.split_whitespace().next().unwrap().to_owned());
        }
    }
}

#[tokio::test]
async fn a_reader_of_logs_that_stalls_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, url) = server(&folder).await;
    let http = reqwest::Client::new();
    let patience = Duration::from_secs(20);
    for n in 0..400 {
        let put = http.put(format!("{url}/v1/deployments/d-{n}")).json(&json!({"tpm_limit": 5}));
        let put = timeout(patience, put.send()).await.expect("an answer").unwrap();
        assert_eq!(put.status(), 201);
    }
    let health = http.get(format!("{url}{}", routes::HEALTHZ)).send();
    assert_eq!(timeout(patience, health).await.expect("an answer").unwrap().status(), 200);
    server.kill().await.unwrap();
    let mut unread = Vec::new();
    server.stderr.take().unwrap().read_to_end(&mut unread).await.unwrap();
    assert!(unread.len() + 4_096 > PIPE_BYTES, "the pipe was not full: {}", unread.len());
}
