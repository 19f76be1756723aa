//! PostgreSQL over TLS, as its URL says.

use std::time::Duration;

use sqlx::Connection as _;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::Database;
use super::testing::TestDatabase;
use crate::tls::testing::Authority;

async fn is_encrypted(url: &str) -> Option<bool> {
    let mut connection = Database::new(url).unwrap().connect().await.ok()?;
    let ssl = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let ssl = sqlx::query_scalar(ssl).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    Some(ssl)
}

#[tokio::test]
async fn its_certificate_is_verified_where_the_url_says_so() {
    let (test, authority) = (TestDatabase::alone().await, Authority::new());
    test.postgres.encrypt(&authority).await;
    let folder = TempDir::new().unwrap();
    let trusting = |authority: &Authority, name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, authority.pem()).unwrap();
        format!("{}?sslmode=verify-full&sslrootcert={}", test.url, path.display())
    };
    let url = trusting(&authority, "ca.pem");
    let taken_over = async {
        while is_encrypted(&url).await.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), taken_over).await.unwrap();
    assert_eq!(is_encrypted(&url).await, Some(true));
    assert_eq!(is_encrypted(&trusting(&Authority::new(), "other.pem")).await, None);
    assert_eq!(is_encrypted(&format!("{}?sslmode=disable", test.url)).await, Some(false));
}
