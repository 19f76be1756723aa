//! What `quota-server` says to people: its commands as processes, beside a server.

use quota_api::Lease;
use serde_json::{Value, json};
use tests::harness::{QuotaServer, Ran};

use crate::support::{Caller, server};

/// Somebody at a terminal.
struct Person {
    url: String,
    token: Option<&'static str>,
}

impl Person {
    fn at(server: &QuotaServer) -> Self {
        Self { url: server.process.url().to_owned(), token: None }
    }

    async fn says(&self, line: &str) -> Ran {
        let words: Vec<&str> = line.split(' ').collect();
        let mut variables = vec![("QUOTA_URL", self.url.as_str())];
        variables.extend(self.token.map(|token| ("QUOTA_TOKEN", token)));
        Ran::quota_server(&words, &variables).await.unwrap()
    }

    #[track_caller]
    fn done(ran: &Ran) -> &str {
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
        &ran.out
    }

    /// One line on stderr, nothing on stdout, and this code.
    #[track_caller]
    fn refused(ran: &Ran, code: i32) -> &str {
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        ran.err.trim_end()
    }
}

#[tokio::test]
async fn a_deployment_is_made_shown_changed_and_removed() {
    let server = server().await;
    let person = Person::at(&server);
    let line = "deployments set chat --tpm 150_000 --rpm 900 --model-group gpt --label region=eu";
    let made = person.says(line).await;
    assert_eq!(Person::done(&made), "chat: made, version 1\n");
    let changed = person.says("deployments set chat --rpm none --tpm 7").await;
    let told = "chat: rpm_limit 900 -> none\nchat: tpm_limit 150000 -> 7\nchat: version 2\n";
    assert_eq!(Person::done(&changed), told);
    let shown = person.says("deployments show chat -o json").await;
    let shown: Value = serde_json::from_str(Person::done(&shown)).unwrap();
    assert_eq!((&shown["tpm_limit"], &shown["labels"]), (&json!(7), &json!({"region": "eu"})));
    let shown = person.says("deployments show chat").await;
    assert!(Person::done(&shown).contains("labels.region  eu\n"), "{shown:?}");
    let list = person.says("deployments list").await;
    let list: Vec<Vec<&str>> =
        Person::done(&list).lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(list[0], ["ID", "WINDOW", "TPM", "RPM", "GROUP", "VERSION"]);
    assert_eq!(list[1], ["chat", "minute", "7", "-", "gpt", "2"]);
    assert_eq!(list[2][..4], ["embeddings", "rolling", "500", "50"]);
    let removed = person.says("deployments rm chat").await;
    assert_eq!(Person::done(&removed), "chat: removed\n");
    let again = person.says("deployments rm chat").await;
    assert!(Person::refused(&again, 1).contains("deployment_not_found"), "{again:?}");
}

#[tokio::test]
async fn a_change_bound_to_a_version_is_not_made_to_another() {
    let server = server().await;
    let person = Person::at(&server);
    Person::done(&person.says("deployments set chat --tpm 1").await);
    Person::done(&person.says("deployments set chat --tpm 2 --if-version 1").await);
    for line in [
        "deployments set chat --tpm 3 --if-version 1",
        "deployments set chat --tpm 3 --if-version 0",
        "deployments rm chat --if-version 1",
    ] {
        let refused = person.says(line).await;
        assert!(Person::refused(&refused, 1).contains("precondition_failed"), "{refused:?}");
    }
    let list = person.says("deployments list -o json").await;
    let list: Value = serde_json::from_str(Person::done(&list)).unwrap();
    assert_eq!(list["deployments"][0]["tpm_limit"], 2);
}

#[tokio::test]
async fn what_the_server_does_not_take_is_said_in_a_line() {
    let server = server().await;
    let person = Person::at(&server);
    let nothing = person.says("deployments set chat").await;
    assert!(Person::refused(&nothing, 64).contains("invalid_value"), "{nothing:?}");
    let _: Lease = Caller::of(&server).acquire("r1", 1, 1).await.done(201);
    let fixed = person.says("deployments set embeddings --window minute").await;
    assert!(Person::refused(&fixed, 1).contains("fixed_field"), "{fixed:?}");
    // An id is one segment of the path, whatever is in it.
    let none = person.says("deployments show ../embeddings").await;
    assert!(Person::refused(&none, 1).contains("deployment `../embeddings`"), "{none:?}");
}

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
    let upstream = tests::harness::Upstream::builder().start().await.unwrap();
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
    let server = server().await;
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().find(|folder| folder.join("quota-server").exists()).unwrap();
    let script = "set -o pipefail; \"$0\" completion bash | true; \"$0\" openapi | head -c 1 >&2";
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["-c", script]).arg(folder.join("quota-server"));
    let ran = Ran::of(bash).await.unwrap();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "{"), "{ran:?}");
    drop(server);
}
