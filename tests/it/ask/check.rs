//! Whether a server can be used.

use tests::harness::QuotaServer;

use super::Person;
use crate::support::server;

#[tokio::test]
async fn a_lease_is_taken_and_given_back() {
    let server = server().await;
    let person = Person::at(&server);
    Person::done(&person.says("deployments set chat --tpm 1 --rpm 1").await);
    // The limit is one of each: what the first leaves charged, the second would miss.
    for _ in 0..2 {
        let checked = person.says("check --deployment chat").await;
        let told = "ready\na lease of `chat` was granted, and taken back\n";
        assert_eq!(Person::done(&checked), told);
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_told() {
    let server = server().await;
    let person = Person::at(&server);
    assert_eq!(Person::done(&person.says("check").await), "ready\n");
    let none = person.says("check --deployment chat").await;
    assert!(Person::refused(&none, 1).contains("deployment_not_found"), "{none:?}");
    Person::done(&person.says("deployments set chat --tpm 0").await);
    let paused = person.says("check --deployment chat").await;
    assert!(Person::refused(&paused, 69).contains("exhausted"), "{paused:?}");
}

#[tokio::test]
async fn who_may_not_take_leases_is_told_so() {
    const VIEWER: &str = "viewer-token-of-0123456789";
    let server = QuotaServer::builder().token("v", "viewer", VIEWER).start().await.unwrap();
    let mut person = Person::at(&server);
    Person::done(&person.says("check").await);
    let none = person.says("check --deployment chat").await;
    assert!(Person::refused(&none, 77).contains("wants a token"), "{none:?}");
    person.token = Some(VIEWER);
    let forbidden = person.says("check --deployment chat").await;
    assert!(Person::refused(&forbidden, 77).contains("forbidden"), "{forbidden:?}");
}
