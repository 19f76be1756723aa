//! The commands beside a server with a certificate.

use tempfile::TempDir;
use tests::harness::{Authority, QuotaServer};

use super::Person;

const SERVER: &str = "127.0.0.1";
const PERSON: &str = "me.example";

#[tokio::test]
async fn the_server_s_certificate_is_checked_and_one_s_own_is_shown() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new().unwrap());
    let papers = authority.papers(folder.path(), SERVER).unwrap();
    let server = QuotaServer::builder()
        .certificate("me", "admin", PERSON)
        .encrypted(&papers)
        .flag(format!("--tls-client-ca={}", papers.ca.display()))
        .start()
        .await
        .unwrap();
    let person = Person::at(&server);
    let unknown = person.says("deployments list").await;
    assert!(Person::refused(&unknown, 69).contains("certificate"), "{unknown:?}");
    let ca = format!("--ca-file {}", papers.ca.display());
    let nobody = person.says(&format!("deployments list {ca}")).await;
    assert!(Person::refused(&nobody, 69).contains("does not answer"), "{nobody:?}");
    let own = authority.papers(folder.path(), PERSON).unwrap();
    let own = format!(
        "--client-cert-file {} --client-key-file {}",
        own.cert.display(),
        own.key.display()
    );
    let made = person.says(&format!("deployments set chat --tpm 5 {ca} {own}")).await;
    assert_eq!(Person::done(&made), "chat: made, version 1\n");
}
