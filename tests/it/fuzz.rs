//! schemathesis reads the OpenAPI document of a real server, and sends it what fits the document
//! and what does not: no answer is a 5xx, and none is one that the document does not tell of.
//!
//! `TOKENLEASE_FUZZ_SECONDS` makes it longer than the 20 s of CI.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::harness::QuotaServer;

use crate::support::{DEPLOYMENT, spec};

const TOKEN: &str = "the-token-of-who-is-fuzzing";

/// All checks but two. That all that fits the document is done: a rule between two fields (`want`
/// is at least `min`) does not stand in it, and it calls `1.0` an integer. That a batch fails as a
/// whole for one entry: each entry has its own status.
const CONFIG: &str = r#"
[auth.openapi.bearer]
bearer = "the-token-of-who-is-fuzzing"

[checks]
positive_data_acceptance.enabled = false

[[operations]]
include-path = "/v1/leases/batch"
checks.negative_data_rejection.enabled = false
checks.positive_data_acceptance.enabled = false
"#;

/// Beside the Python of `TOKENLEASE_PYTHON`, or in the environment that `tests/run.sh` makes.
fn schemathesis() -> PathBuf {
    let of_venv = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python");
    let python = env::var_os("TOKENLEASE_PYTHON").map_or_else(of_venv, PathBuf::from);
    python.with_file_name("st")
}

async fn fuzz(role: &str) {
    let server = QuotaServer::builder()
        .deployment(DEPLOYMENT, spec())
        .token("fuzz", role, TOKEN)
        .start()
        .await
        .unwrap();
    let seconds = env::var("TOKENLEASE_FUZZ_SECONDS").unwrap_or_else(|_| "20".to_owned());
    let room = tempfile::tempdir().unwrap();
    let config = room.path().join("schemathesis.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let url = format!("{}/openapi.json", server.process.url());
    let mut command = Command::new(schemathesis());
    command
        .current_dir(room.path())
        .arg("--config-file")
        .arg(config)
        .args(["run", &url, "--max-time", &seconds, "--continue-on-failure", "--no-shrink"])
        .args(["--warnings", "off", "--seed", "1"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Test cases:"), "{said}");
    assert!(!server.process.log().contains(TOKEN));
}

#[tokio::test]
#[ignore = "needs a Python with tests/requirements.txt: see TOKENLEASE_PYTHON in scenario/stock_client.rs"]
async fn the_document_is_what_an_admin_is_answered() {
    fuzz("admin").await;
}

#[tokio::test]
#[ignore = "needs a Python with tests/requirements.txt: see TOKENLEASE_PYTHON in scenario/stock_client.rs"]
async fn the_document_is_what_a_gateway_is_answered() {
    fuzz("gateway").await;
}
