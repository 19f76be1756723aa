//! How commands end that do not go well, and the small ones.

use serde_json::Value;
use tests::harness::{QuotaServer, Ran, Upstream};

use super::Person;
use crate::support::{Caller, server};

#[tokio::test]
async fn who_may_not_is_told_so() {
    const ADMIN: &str = "admin-token-of-0123456789";
    const VIEWER: &str = "viewer-token-of-0123456789";
    let server = QuotaServer::builder().token("a", "admin", ADMIN).token("v", "viewer", VIEWER);
    let server = server.start().await.unwrap();
    let mut person = Person::at(&server);
    let none = person.says("deployments list").await;
    assert!(Person::refused(&none, 77).contains("set QUOTA_TOKEN"), "{none:?}");
    person.token = Some("a-wrong-token-of-0123456789");
    let wrong = person.says("deployments list").await;
    assert!(Person::refused(&wrong, 77).contains("unauthenticated"), "{wrong:?}");
    assert!(!wrong.err.contains("a-wrong-token"), "{wrong:?}");
    person.token = Some(VIEWER);
    Person::done(&person.says("deployments list").await);
    let forbidden = person.says("deployments set chat --tpm 1").await;
    assert!(Person::refused(&forbidden, 77).contains("forbidden"), "{forbidden:?}");
    person.token = Some(ADMIN);
    Person::done(&person.says("deployments set chat --tpm 1").await);
    let file = server.data_dir().join("token");
    std::fs::write(&file, ADMIN).unwrap();
    person.token = None;
    let line = format!("deployments rm chat --token-file {}", file.display());
    Person::done(&person.says(&line).await);
}

#[tokio::test]
async fn a_server_that_is_away_is_said_to_be() {
    let mut server = server().await;
    let person = Person::at(&server);
    server.process.kill().unwrap();
    let away = person.says("deployments list").await;
    assert!(Person::refused(&away, 69).contains("does not answer"), "{away:?}");
}

#[tokio::test]
async fn a_server_that_hangs_is_not_waited_for() {
    let server = server().await;
    server.process.pause().unwrap();
    let slow = Person::at(&server).says("deployments list --timeout-ms 100").await;
    assert!(Person::refused(&slow, 69).contains("takes too long"), "{slow:?}");
    server.process.resume().unwrap();
}

#[tokio::test]
async fn what_answers_and_is_no_quota_server_is_a_fault() {
    let upstream = Upstream::builder().start().await.unwrap();
    let person = Person { url: upstream.process.url().to_owned(), token: None };
    let stranger = person.says("deployments list").await;
    assert!(Person::refused(&stranger, 70).contains("no quota server"), "{stranger:?}");
}

#[tokio::test]
async fn wrong_arguments_are_usage() {
    let server = server().await;
    let person = Person::at(&server);
    for line in [
        "deployments list --frobnicate",
        "deployments set chat --tpm many",
        "deployments list --url ftp://h",
        "deployments list --token-file /no/such/file",
        "deployments list --ca-file /no/such/file",
        "completion tcsh-of-1985",
    ] {
        let ran = person.says(line).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""), "{line}: {ran:?}");
        assert!(ran.err.starts_with("quota-server: "), "{line}: {ran:?}");
    }
}

#[tokio::test]
async fn the_document_is_the_one_that_is_served() {
    let server = server().await;
    let served: Value = Caller::of(&server).get("/openapi.json").await.done(200);
    let printed = Person::at(&server).says("openapi").await;
    assert_eq!(serde_json::from_str::<Value>(Person::done(&printed)).unwrap(), served);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let script = "set -o pipefail; \"$0\" completion bash | true; \"$0\" openapi | head -c 1 >&2";
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["-c", script]).arg(Ran::quota_server_path().await.unwrap());
    let ran = Ran::of(bash).await.unwrap();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "{"), "{ran:?}");
}

#[tokio::test]
async fn bash_completes_commands_and_values() {
    let script = r#"
        eval "$("$0" completion bash)"
        complete=$(complete -p quota-server)
        [[ $complete =~ -F\ ([^ ]+) ]] && function=${BASH_REMATCH[1]}
        COMP_WORDS=(quota-server deployments s) COMP_CWORD=2
        $function quota-server s deployments; echo "${COMPREPLY[@]}"
        COMP_WORDS=(quota-server deployments set chat --window "") COMP_CWORD=5
        $function quota-server "" --window; echo "${COMPREPLY[@]}""#;
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["-c", script]).arg(Ran::quota_server_path().await.unwrap());
    let ran = Ran::of(bash).await.unwrap();
    assert_eq!(ran.out, "show set\nminute rolling\n", "{ran:?}");
}
