//! How the server starts, reads its declarative file, and stops.

use std::{collections::BTreeMap, time::Duration};

use quota_api::{Deployment, DeploymentSpec, Lease};
use tests::harness::{QuotaServer, wait};

use crate::support::{Caller, DEPLOYMENT, server, spec};

async fn deployment(caller: &Caller, id: &str) -> Option<Deployment> {
    let said = caller.get(&format!("/v1/deployments/{id}")).await;
    (said.status == 200).then(|| said.json())
}

#[tokio::test]
async fn the_declarative_file_applied_again_changes_nothing() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    let before = deployment(&caller, DEPLOYMENT).await;
    assert!(before.is_some());
    server.kill_and_start_again().await.unwrap();
    assert_eq!(deployment(&caller, DEPLOYMENT).await, before);
}

#[tokio::test]
async fn sighup_applies_what_changed() {
    let server = server().await;
    let caller = Caller::of(&server);
    let _: Lease = caller.acquire("r1", 100, 1).await.done(201);
    let raised = DeploymentSpec { tpm_limit: Some(900), ..spec() };
    let new = DeploymentSpec { rpm_limit: Some(5), ..DeploymentSpec::default() };
    let declared = [(DEPLOYMENT.to_owned(), raised), ("new".to_owned(), new)];
    server.declare(&BTreeMap::from(declared)).unwrap();
    server.process.reload().unwrap();
    let applied =
        wait::until("the new deployment", wait::START, || deployment(&caller, "new")).await;
    assert_eq!(applied.unwrap().spec.rpm_limit, Some(5));
    let lease: Lease = caller.acquire("r2", 800, 1).await.done(201);
    assert_eq!(lease.usage.tokens.outstanding, 900);
}

#[tokio::test]
async fn asked_to_stop_it_stops_and_keeps_everything() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    let _: Lease = caller.acquire("r1", 100, 1).await.done(201);
    let status = server.process.stop(Duration::from_secs(30)).await.unwrap();
    assert!(status.success(), "{status}");
    server.start_again().await.unwrap();
    let lease: Lease = caller.acquire("r2", 1, 1).await.done(201);
    assert_eq!(lease.usage.tokens.outstanding, 101);
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let server = server().await;
    let second = QuotaServer::builder().data_dir(server.data_dir()).start().await;
    assert!(second.is_err(), "two servers keep one book");
    let _: Lease = Caller::of(&server).acquire("r1", 100, 1).await.done(201);
}
