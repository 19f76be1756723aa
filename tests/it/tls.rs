//! Encrypted, with certificates on both sides, and files that change while all of it runs.

use std::path::Path;
use std::time::Duration;

use gateway_client::{Amount, QuotaClient};
use quota_api::{DeploymentSpec, WindowKind};
use tempfile::TempDir;
use tests::harness::{Authority, Papers, QuotaServer, Ran, wait};

const SERVER: &str = "127.0.0.1";
const GATEWAY: &str = "gw.example";

fn spec() -> DeploymentSpec {
    DeploymentSpec { tpm_limit: Some(1_000_000), window: WindowKind::Rolling, ..Default::default() }
}

/// A server that asks everybody for a certificate, of the authority of its own.
async fn server(authority: &Authority, folder: &Path) -> (QuotaServer, Papers) {
    let papers = authority.papers(folder, SERVER).unwrap();
    let server = QuotaServer::builder()
        .deployment("m", spec())
        .certificate("gw", "gateway", GATEWAY)
        .encrypted(&papers)
        .flag(format!("--tls-client-ca={}", papers.ca.display()))
        .start()
        .await
        .unwrap();
    assert!(server.process.url().starts_with("https://"));
    (server, papers)
}

fn client(server: &QuotaServer, papers: &Papers) -> QuotaClient {
    QuotaClient::builder(server.process.url())
        .ca_file(Some(papers.ca.clone()))
        .identity_files(Some((papers.cert.clone(), papers.key.clone())))
        .connect_timeout(Duration::from_secs(5))
        .request_timeout(Duration::from_secs(5))
        .max_wait(Duration::from_secs(10))
        .build()
        .unwrap()
}

/// Whether somebody without a certificate is answered.
async fn answers_strangers(server: &QuotaServer, papers: &Papers) -> bool {
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&papers.ca).unwrap()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    http.get(format!("{}/healthz", server.process.url())).send().await.is_ok()
}

#[tokio::test]
async fn a_gateway_draws_by_its_certificate_alone_and_all_certificates_can_be_replaced() {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new().unwrap();
    let (server, papers) = server(&authority, folder.path()).await;
    assert!(!answers_strangers(&server, &papers).await);
    let gateway = authority.papers(folder.path(), GATEWAY).unwrap();
    let client = client(&server, &gateway);
    let deployment = client.deployment("m");
    deployment.draw(Amount::new(10, 1)).await.unwrap().cancel();

    // Another authority signs for both sides: who has only the old papers is not let in any more.
    let next = Authority::new().unwrap();
    next.papers(folder.path(), SERVER).unwrap();
    server.process.reload().unwrap();
    wait::until("the new certificate", wait::START, || async {
        let log = server.process.log();
        (log.contains("read again") && log.contains("certificate")).then_some(())
    })
    .await
    .unwrap();
    next.papers(folder.path(), GATEWAY).unwrap();
    wait::until("a lease by the new papers", wait::START, || async {
        let permit = deployment.draw(Amount::new(1_000, 1)).await.ok()?;
        permit.cancel();
        client.deployment_on_server("m").await.ok().map(drop)
    })
    .await
    .unwrap();
    client.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_of_no_use_is_named_at_the_start() {
    let folder = TempDir::new().unwrap();
    let papers = Authority::new().unwrap().papers(folder.path(), SERVER).unwrap();
    std::fs::write(&papers.key, "no key").unwrap();
    let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let words = [flag("tls-cert", &papers.cert), flag("tls-key", &papers.key)];
    let ran = Ran::quota_server(&words, &[]).await.unwrap();
    assert_eq!(ran.code, Some(64), "{}", ran.err);
    assert!(ran.err.contains("127.0.0.1.key") && ran.err.contains("private key"), "{}", ran.err);
}
