//! How a gateway starts, and how it doesn't.

use serde_json::json;
use tempfile::TempDir;
use tests::harness::{
    Gateway, Ran,
    wait::{START, until},
};

use crate::support::server;

const FILE: &str = "\
model_list:
  - model_name: good
    litellm_params: {model: openai/gpt-4o, api_key: k}
    model_info: {mode: chat}
  - model_name: bad
    litellm_params: {model: sagemaker/llama, tpm: many}
";

/// Runs the gateway on this file with these words.
async fn run(file: &str, words: &[&str], variables: &[(&str, &str)]) -> Ran {
    let room = TempDir::new().unwrap();
    let path = room.path().join("config.yaml");
    std::fs::write(&path, file).unwrap();
    let config = format!("--config={}", path.display());
    let words: Vec<&str> = words.iter().copied().chain([config.as_str()]).collect();
    Ran::gateway(&words, variables).await.unwrap()
}

#[tokio::test]
async fn a_check_tells_all_mistakes_by_their_lines() {
    let ran = run(FILE, &["check"], &[]).await;
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!((ran.code, lines.len()), (Some(64), 2), "{ran:?}");
    assert!(
        lines.iter().all(|line| line.contains("config.yaml:6: model_list[1] (bad)")),
        "{ran:?}"
    );
}

#[tokio::test]
async fn a_check_of_what_is_usable_tells_the_rest() {
    let ran = run(FILE, &["check", "--skip-unusable"], &[]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out.matches("left out: ").count(), 2, "{ran:?}");
    assert!(ran.out.contains("ignored: model_info.mode"), "{ran:?}");
    assert!(ran.out.contains("1 deployments in 1 model groups"), "{ran:?}");
}

#[tokio::test]
async fn a_gateway_for_everybody_does_not_start_unasked() {
    let ran = run(FILE, &["--skip-unusable", "--listen=0.0.0.0:0"], &[]).await;
    assert_eq!(ran.code, Some(64), "{ran:?}");
    assert!(ran.err.contains("--allow-anonymous"), "{ran:?}");
}

#[tokio::test]
async fn deployments_that_the_quota_server_does_not_know_are_told() {
    let server = server().await;
    let entry = json!({"model_name": "m", "litellm_params": {"model": "openai/m", "api_base": "http://127.0.0.1:9/v1",
        "api_key": "k", "tpm": 5}, "model_info": {"id": "nobody-made-me"}});
    let builder = Gateway::builder("gw", server.process.url(), "http://127.0.0.1:9").entry(entry);
    let gateway = builder.start().await.unwrap();
    until("a word about the deployment", START, || async {
        let log = gateway.process.log();
        (log.contains("nobody-made-me") && log.contains("--register")).then_some(())
    })
    .await
    .unwrap();
}
