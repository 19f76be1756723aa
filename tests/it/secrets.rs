//! No secret is in anything that the server says: logs at their finest, metrics, answers.

use quota_api::Lease;
use serde_json::json;
use tempfile::TempDir;
use tests::harness::{Authority, Postgres, QuotaServer, Redis, wait};

use crate::support::{DEPLOYMENT, acquire, spec};

const ADMIN: &str = "the-secret-token-of-the-admin";
const GUESS: &str = "a-token-that-somebody-guessed";
const DATABASE: &str = "the-password-of-the-database";
const REDIS: &str = "the-password-of-the-redis";

struct Site {
    redis: Redis,
    _postgres: Postgres,
    server: QuotaServer,
    /// What must not be said.
    secrets: Vec<String>,
    http: reqwest::Client,
    _folder: TempDir,
}

async fn site() -> Site {
    let folder = TempDir::new().unwrap();
    let papers = Authority::new().unwrap().papers(folder.path(), "127.0.0.1").unwrap();
    let redis = Redis::builder().set("requirepass", REDIS).start().await.unwrap();
    let postgres = Postgres::start().await.unwrap();
    let database = postgres.url().replace("://tokenlease@", &format!("://tokenlease:{DATABASE}@"));
    assert!(database.contains(DATABASE), "{database}");
    let config = folder.path().join("quota.toml");
    let ledger = format!(
        "[ledger]\nledger = \"redis\"\nredis_url = \"redis://:{REDIS}@{}\"\ndatabase_url = \"{database}\"\n\
         [log]\nlog_level = \"trace\"\n",
        redis.address()
    );
    std::fs::write(&config, ledger).unwrap();
    let server = QuotaServer::builder()
        .deployment(DEPLOYMENT, spec())
        .token("ops", "admin", ADMIN)
        .encrypted(&papers)
        .flag(format!("--config={}", config.display()))
        .start()
        .await
        .unwrap();
    let key = std::fs::read_to_string(&papers.key).unwrap();
    let key = key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned);
    let secrets = [ADMIN, GUESS, DATABASE, REDIS].map(str::to_owned).into_iter().chain(key);
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&papers.ca).unwrap()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    Site { redis, _postgres: postgres, server, secrets: secrets.collect(), http, _folder: folder }
}

impl Site {
    /// What is answered, headers included.
    async fn said(&self, method: &str, path: &str, token: &str, body: &str) -> String {
        let url = format!("{}{path}", self.server.process.url());
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(token);
        let request = request.header("content-type", "application/json").body(body.to_owned());
        let answer = request.send().await.unwrap();
        format!("{:?} {}", answer.headers().clone(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn none_is_said_on_good_ways_and_bad_ones() {
    let mut site = site().await;
    let wish = acquire("r1", 100, 10).to_string();
    let mut said = vec![site.said("POST", "/v1/leases", ADMIN, &wish).await];
    assert!(said[0].contains("lease_id"), "{}", said[0]);
    let _is_a_lease = |text: &str| serde_json::from_str::<Lease>(text);
    for (method, path, token, body) in [
        ("POST", "/v1/leases", GUESS, wish.as_str()),
        ("POST", "/v1/leases", ADMIN, "{\"holder\": 1}"),
        ("PUT", "/v1/deployments/n", ADMIN, "{\"tpm_limit\": 5}"),
        ("PUT", "/v1/deployments/n", ADMIN, "{\"tpm_limit\": -5}"),
        ("GET", "/v1/deployments/n/windows", ADMIN, ""),
        ("GET", "/v1/overview", ADMIN, ""),
        ("GET", &format!("/nowhere?token={GUESS}-2"), ADMIN, ""),
        ("GET", "/metrics", ADMIN, ""),
        ("GET", "/openapi.json", ADMIN, ""),
        ("GET", "/", ADMIN, ""),
    ] {
        said.push(site.said(method, path, token, body).await);
    }
    site.server.process.reload().unwrap();
    site.redis.process.kill().unwrap();
    wait::until("the loss of Redis is noticed", wait::START, || async {
        let answer = site.said("POST", "/v1/leases", ADMIN, &json!(wish).to_string()).await;
        let lost = site.said("POST", "/v1/leases", ADMIN, &wish).await;
        (answer.contains("malformed_body") && lost.contains("ledger_unavailable")).then_some(())
    })
    .await
    .unwrap();
    said.push(site.server.process.log());
    assert!(said.iter().any(|text| text.contains(" DEBUG ")), "it was at its finest");
    for (text, secret) in said.iter().flat_map(|text| site.secrets.iter().map(move |it| (text, it)))
    {
        let at = text.find(secret.as_str());
        let around = at.map(|at| &text[at.saturating_sub(200)..at]);
        assert_eq!(around, None, "a secret follows");
    }
}
