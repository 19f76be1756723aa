//! `quota-server journal`.

use std::time::Duration;

use quota_api::{Code, Lease};
use serde_json::Value;
use tokio::time::sleep;

use super::Person;
use crate::support::{Caller, DEPLOYMENT, damage_last_entry, server};

#[tokio::test]
async fn entries_are_shown_as_lines_of_json_beside_a_server() {
    let server = server().await;
    let lease: Lease = Caller::of(&server).acquire("r1", 100, 10).await.done(201);
    let person = Person::at(&server);
    let line = format!("journal show --data-dir {}", server.data_dir().display());
    let shown = person.says(&line).await;
    let lines: Vec<Value> =
        Person::done(&shown).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let records = lines.iter().flat_map(|line| line["records"].as_array().unwrap());
    let granted = records.filter(|record| record["event"]["Granted"].is_object());
    let granted: Vec<_> = granted.collect();
    assert_eq!(granted.len(), 1, "{shown:?}");
    assert_eq!(granted[0]["deployment"], DEPLOYMENT);
    assert_eq!(granted[0]["event"]["Granted"]["amount"]["tokens"], 100, "{lease:?}");
    let none = person.says(&format!("{line} --deployment another")).await;
    assert!(Person::refused(&none, 1).contains("there is no deployment `another`"), "{none:?}");
    let one = person.says(&format!("{line} --count 1")).await;
    assert_eq!(Person::done(&one).lines().count(), 1, "{one:?}");
}

#[tokio::test]
async fn the_first_entry_that_cannot_be_followed_is_named() {
    let mut server = server().await;
    let _: Lease = Caller::of(&server).acquire("r1", 100, 10).await.done(201);
    let person = Person::at(&server);
    let line = format!("journal check --data-dir {}", server.data_dir().display());
    let whole = person.says(&line).await;
    assert!(Person::done(&whole).ends_with("entries can be followed\n"), "{whole:?}");
    server.process.kill().unwrap();
    let seq = damage_last_entry(&server).await;
    let found = person.says(&line).await;
    let said = Person::refused(&found, 1);
    assert!(said.contains(&format!("journal entry {seq} is unreadable")), "{said}");
    assert!(said.ends_with("all deployments are in doubt"), "{said}");
    let by_hand = format!("journal quarantine --all --data-dir {}", server.data_dir().display());
    let needless = person.says(&by_hand).await;
    assert!(Person::refused(&needless, 1).contains("quarantines the whole shard by itself"));
    let empty = person.says("journal check --data-dir /no/such/folder").await;
    assert!(Person::refused(&empty, 64).contains("there is no ledger"), "{empty:?}");
}

#[tokio::test]
async fn a_deployment_is_quarantined_while_its_server_runs_and_over_a_restart() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    let _: Lease = caller.acquire("r1", 100, 10).await.done(201);
    let person = Person::at(&server);
    let folder = server.data_dir().display().to_string();
    let none = person.says(&format!("journal quarantine another --data-dir {folder}")).await;
    assert!(Person::refused(&none, 1).contains("there is no deployment `another`"), "{none:?}");
    let done = person.says(&format!("journal quarantine {DEPLOYMENT} --data-dir {folder}")).await;
    assert!(Person::done(&done).ends_with(&format!("quarantines {DEPLOYMENT}\n")), "{done:?}");
    // The commit that finds the number taken fails, then the server reads the journal.
    caller.acquire("r2", 1, 1).await.problem(Code::LedgerUnavailable);
    until_quarantined(&caller).await;
    server.process.kill().unwrap();
    server.start_again().await.unwrap();
    until_quarantined(&Caller::of(&server)).await;
    let check = person.says(&format!("journal check --data-dir {folder}")).await;
    assert!(Person::done(&check).ends_with(&format!("in doubt: {DEPLOYMENT}\n")), "{check:?}");
}

async fn until_quarantined(caller: &Caller) {
    for number in 0..100 {
        let said = caller.acquire(&format!("q{number}"), 1, 1).await;
        if said.text.contains(Code::Quarantined.as_str()) {
            said.problem(Code::Quarantined);
            return;
        }
        said.problem(Code::LedgerUnavailable);
        sleep(Duration::from_millis(20)).await;
    }
    panic!("it is not quarantined");
}
