//! `quota-server backup` and `quota-server restore`.

use http::StatusCode;
use quota_api::{DeploymentSpec, Lease};
use tempfile::TempDir;
use tests::harness::{QuotaServer, Ran};

use super::Person;
use crate::support::{Caller, DEPLOYMENT, server, spec};

/// Takes leases until `done`; how many.
async fn spend_until(caller: &Caller, done: impl Future<Output = Ran>) -> (u64, Ran) {
    let mut done = std::pin::pin!(done);
    for number in 0.. {
        let request = format!("r-{number}");
        tokio::select! {
            biased;
            ran = &mut done => return (number, ran),
            said = caller.acquire(&request, 1, 1) => assert_eq!(said.status, 201),
        }
    }
    unreachable!("it is done before")
}

#[tokio::test]
async fn a_backup_under_load_adds_up_and_is_quarantined_where_it_is_put_back() {
    let plenty =
        DeploymentSpec { tpm_limit: Some(10_000_000), rpm_limit: Some(10_000_000), ..spec() };
    let server = QuotaServer::builder().deployment(DEPLOYMENT, plenty).start().await.unwrap();
    let (caller, person, room) =
        (Caller::of(&server), Person::at(&server), TempDir::new().unwrap());
    let _: Lease = caller.acquire("before", 7, 1).await.done(201);
    let (copy, back) = (room.path().join("copy"), room.path().join("back"));
    let line = format!("backup --data-dir {} --to {}", server.data_dir().display(), copy.display());
    let (_, told) = spend_until(&caller, person.says(&line)).await;
    assert!(Person::done(&told).starts_with("1 databases, "), "{told:?}");
    let taken = person.says(&line).await;
    assert!(Person::refused(&taken, 64).contains("has a ledger already"), "{taken:?}");
    drop(server);

    let sums = person.says(&format!("verify --data-dir {}", copy.display())).await;
    assert!(Person::done(&sums).contains("all add up"), "{sums:?}");
    let line = format!("restore --from {} --data-dir {}", copy.display(), back.display());
    let told = person.says(&line).await;
    assert!(Person::done(&told).starts_with("1 databases, "), "{told:?}");
    is_quarantined(&back).await;
    // Without the way back it is the same.
    is_quarantined(&copy).await;
}

/// Its deployments are known, and nothing is granted of their open windows.
async fn is_quarantined(data_dir: &std::path::Path) {
    let server = QuotaServer::builder().data_dir(data_dir).start().await.unwrap();
    let caller = Caller::of(&server);
    let known = caller.get(&format!("/v1/deployments/{DEPLOYMENT}")).await;
    assert_eq!(known.status, StatusCode::OK, "{}", known.text);
    let refused = caller.acquire("after", 1, 1).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.text);
}

#[tokio::test]
async fn what_stands_in_the_way_is_told() {
    let server = server().await;
    let (person, room) = (Person::at(&server), TempDir::new().unwrap());
    let (data, copy) = (server.data_dir().display(), room.path().join("copy"));
    let copy = copy.display();
    let none = person.says(&format!("backup --data-dir /no/such --to {copy}")).await;
    assert!(Person::refused(&none, 64).contains("there is no ledger in /no/such"), "{none:?}");
    let none = person.says(&format!("restore --from {copy} --data-dir {data}")).await;
    assert!(Person::refused(&none, 64).contains("there is no ledger in"), "{none:?}");
    Person::done(&person.says(&format!("backup --data-dir {data} --to {copy}")).await);
    let busy = person.says(&format!("restore --from {copy} --data-dir {data}")).await;
    assert!(Person::refused(&busy, 64).contains("is in use by another server"), "{busy:?}");
}
