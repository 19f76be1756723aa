//! `quota-server verify`.

use quota_api::{GivenBack, Lease};
use sqlx::Connection;
use tests::{clock, harness::QuotaServer};

use super::Person;
use crate::support::{Caller, DEPLOYMENT, ledger_file, server};

async fn spend(server: &QuotaServer) {
    let caller = Caller::of(server);
    let lease: Lease = caller.acquire("r1", 100, 10).await.done(201);
    let _: GivenBack = caller.give_back(&lease.lease_id, 40, 4).await.done(200);
}

/// Makes a closed window of the last minutes out of thin air, which lacks a token.
async fn falsify(server: &QuotaServer) {
    let mut file = ledger_file(server).await;
    let page =
        "INSERT INTO history VALUES (0, 0, ?, 1, 500, 50, 100, 10, 40, 4, 9, 1, 50, 5, 0, 0, 0, 0)";
    let minute = i64::try_from(clock::unix_ms() / 60_000).unwrap() - 2;
    sqlx::query(page).bind(minute).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
}

#[tokio::test]
async fn the_books_of_a_server_that_runs_add_up() {
    let server = server().await;
    spend(&server).await;
    let person = Person::at(&server);
    let short = person.says("verify").await;
    assert!(Person::done(&short).ends_with(" windows: all add up\n"), "{short:?}");
    let all = person.says(&format!("verify {DEPLOYMENT} --last 5 --all")).await;
    let row = Person::done(&all).lines().find(|line| line.contains("tokens"));
    let row: Vec<&str> = row.unwrap().split_whitespace().collect();
    assert_eq!(row[2..6], ["tokens", "500", "100", "40"]);
    let none = person.says("verify there-is-no-such").await;
    assert!(Person::refused(&none, 1).contains("deployment_not_found"), "{none:?}");
}

#[tokio::test]
async fn a_journal_adds_up_when_nobody_runs_on_it() {
    let mut server = server().await;
    spend(&server).await;
    let person = Person::at(&server);
    let line = format!("verify --data-dir {}", server.data_dir().display());
    let busy = person.says(&line).await;
    assert!(Person::refused(&busy, 64).contains("a server runs on"), "{busy:?}");
    server.process.kill().unwrap();
    let told = person.says(&line).await;
    assert!(Person::done(&told).starts_with("1 windows of 1 deployments, 1 leases"), "{told:?}");
    let all = person.says(&format!("{line} --all")).await;
    assert!(
        Person::done(&all)
            .lines()
            .any(|line| line.ends_with("tokens        100          40     0        0")),
        "{all:?}"
    );
    server.start_again().await.unwrap();
    let lease: Lease = Caller::of(&server).acquire("r2", 1, 1).await.done(201);
    assert_eq!(lease.usage.tokens.outstanding, 61, "it was left as it was");
}

#[tokio::test]
async fn a_book_that_does_not_add_up_is_found_with_its_sums() {
    let mut server = server().await;
    spend(&server).await;
    let person = Person::at(&server);
    server.process.kill().unwrap();
    falsify(&server).await;
    let line = format!("verify --data-dir {}", server.data_dir().display());
    let found = person.says(&line).await;
    let said = Person::refused(&found, 1);
    assert!(said.contains("granted 100 tokens and 10 requests; given back 40 tokens"), "{said}");
    server.start_again().await.unwrap();
    let found = person.says("verify").await;
    assert_eq!((found.code, found.out.as_str()), (Some(1), ""), "{found:?}");
    assert!(found.err.trim_end().ends_with("the parts are 99"), "{found:?}");
}

#[tokio::test]
async fn a_folder_without_a_ledger_is_no_ledger() {
    let server = server().await;
    let person = Person::at(&server);
    for folder in ["/no/such/folder", env!("CARGO_MANIFEST_DIR")] {
        let none = person.says(&format!("verify --data-dir {folder}")).await;
        assert!(Person::refused(&none, 64).contains("there is no ledger"), "{none:?}");
    }
}
