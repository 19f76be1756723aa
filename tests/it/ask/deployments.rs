//! `quota-server deployments`.

use std::collections::BTreeMap;

use quota_api::Lease;
use serde_json::{Value, json};

use super::Person;
use crate::support::{Caller, server};

#[tokio::test]
async fn a_deployment_is_made_shown_changed_and_removed() {
    let server = server().await;
    let person = Person::at(&server);
    let line = "deployments set chat --tpm 150_000 --rpm 900 --model-group gpt --label region=eu";
    let made = person.says(line).await;
    assert_eq!(Person::done(&made), "chat: made, version 1\n");
    let line = "deployments set chat --rpm none --tpm 7 --limit tokens/day=900";
    let changed = person.says(line).await;
    let told = "chat: limits.tokens/day none -> 900\nchat: rpm_limit 900 -> none\n\
                chat: tpm_limit 150000 -> 7\nchat: version 2\n";
    assert_eq!(Person::done(&changed), told);
    let shown = person.says("deployments show chat -o json").await;
    let shown: Value = serde_json::from_str(Person::done(&shown)).unwrap();
    assert_eq!((&shown["tpm_limit"], &shown["labels"]), (&json!(7), &json!({"region": "eu"})));
    let shown = person.says("deployments show chat").await;
    assert!(Person::done(&shown).contains("limits.tokens/day  900\n"), "{shown:?}");
    let list = person.says("deployments list").await;
    let list: Vec<Vec<&str>> =
        Person::done(&list).lines().map(|line| line.split_whitespace().collect()).collect();
    let head = ["ID", "WINDOW", "TPM", "RPM", "LIMITS", "GROUP", "VERSION", "DECLARED"];
    assert_eq!(list[0], head);
    assert_eq!(list[1], ["chat", "minute", "7", "-", "tokens/day=900", "gpt", "2", "-"]);
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
async fn what_the_file_says_is_told_from_what_is_so() {
    let mut server = server().await;
    let person = Person::at(&server);
    let stands = async |id: &str| {
        let list = person.says("deployments list").await;
        let line =
            Person::done(&list).lines().find(|line| line.starts_with(id)).unwrap().to_owned();
        line.split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!(stands("embeddings").await, "yes");
    Person::done(&person.says("deployments set embeddings --tpm 5").await);
    for _ in 0..10 {
        server.kill_and_start_again().await.unwrap();
        assert_eq!(stands("embeddings").await, "drift:tpm_limit");
    }
    let reverted = person.says("deployments revert embeddings").await;
    assert!(
        Person::done(&reverted).starts_with("embeddings: tpm_limit 5 -> 500\n"),
        "{reverted:?}"
    );
    assert_eq!(stands("embeddings").await, "yes");
    let removed = person.says("deployments rm embeddings").await;
    assert!(Person::done(&removed).contains("the next start makes it again"), "{removed:?}");
    server.kill_and_start_again().await.unwrap();
    assert_eq!(stands("embeddings").await, "yes");
    let none = person.says("deployments prune").await;
    assert!(Person::done(&none).contains("there is none"), "{none:?}");
    server.declare(&BTreeMap::new()).unwrap();
    server.kill_and_start_again().await.unwrap();
    assert_eq!(stands("embeddings").await, "once");
    let dry = person.says("deployments prune --dry-run").await;
    assert_eq!(Person::done(&dry), "embeddings: would be removed\n");
    assert_eq!(Person::done(&person.says("deployments prune").await), "embeddings: removed\n");
    Person::done(&person.says("deployments set chat --tpm 1").await);
    let own = person.says("deployments revert chat").await;
    assert!(Person::refused(&own, 1).contains("no deployments file ever named it"), "{own:?}");
}
