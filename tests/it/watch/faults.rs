//! The faults, one for each alert.

use std::{collections::BTreeMap, time::Duration};

use quota_api::{Amount, DeploymentSpec, Lease, UsedItem, routes};
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::json;
use tests::harness::{Job, QuotaServer, Upstream};
use tokio::time::sleep;

use crate::support::damage_last_entry;

use super::{
    town::{LARGE, OnRedis, Sealed, TINY, Town, url},
    traffic::acquire,
    watcher::Watcher,
};

/// Fires where there is no quota server at all.
pub(super) const ABSENT: &str = "QuotaServersAbsent";

/// Which alert must fire for which job.
pub(super) const EXPECTED: &[(&str, &str)] = &[
    ("disk", "QuotaCommitsFail"),
    ("disk", "QuotaLedgerNotWritable"),
    ("disk", "QuotaServerErrors"),
    ("disk", "QuotaAuditFails"),
    ("gone", "QuotaServerDown"),
    ("gone", "GatewayWithoutQuotaServer"),
    ("gone", "GatewayDown"),
    ("provider", "GatewayUpstreamFails"),
    ("provider", "GatewayLimitedUpstream"),
    ("busy", "QuotaDeploymentExhausted"),
    ("busy", "QuotaBurnt"),
    ("busy", "QuotaOverrun"),
    ("busy", "QuotaDeploymentsDrift"),
    ("guarded", "QuotaLoginsFail"),
    ("guarded", "QuotaReloadFailed"),
    ("sealed", "QuotaCertificateEnds"),
    ("crowded", "QuotaRequestsNearBound"),
    ("unprepared", "QuotaLibraryMissing"),
    ("split", "QuotaTwoLedgers"),
    ("postgres", "QuotaNoStandby"),
    ("postgres", "QuotaNoActiveServer"),
    ("redis", "QuotaCatalogueAway"),
    ("careless", "QuotaStoreUnsafe"),
    ("careless", "QuotaQuarantined"),
    ("torn", "QuotaJournalBroken"),
    ("tampered", "QuotaCommitsSlow"),
    ("tampered", "QuotaInvariantViolated"),
];

/// Causes all of them, and returns when the last one that must wait for another is there.
pub(super) async fn cause(town: &mut Town, watcher: &Watcher) {
    a_full_disk(&town.disk).await;
    more_than_there_is(town);
    by_hand(&town.busy).await;
    town.traffic.of_strangers(town.guarded.process.url());
    a_bad_file(&town.guarded);
    a_short_certificate(&town.sealed);
    town.traffic.of_dawdlers(&town.crowded.process);
    an_unprepared_redis(&town.unprepared).await;
    a_second_ledger(town, watcher);
    a_damaged_journal(&mut town.torn).await;
    town.gone.server.process.kill().unwrap();
    town.gone.gateways[1].process.kill().unwrap();
    town.provider.upstream.process.kill().unwrap();
    town.redis.store.postgres.as_mut().unwrap().process.kill().unwrap();
    let seat = 1 - town.postgres.active().await.unwrap();
    town.postgres.seats[seat].server.process.kill().unwrap();
    let Town { provider, postgres, careless, tampered, busy, .. } = town;
    tokio::join!(
        async {
            watcher.came("provider", "GatewayUpstreamFails").await;
            let strict = Upstream::builder().listen(provider.provider()).flag("--rpm=1");
            provider.upstream = strict.start().await.unwrap();
        },
        async {
            watcher.came("postgres", "QuotaNoStandby").await;
            postgres.store.postgres.as_mut().unwrap().process.kill().unwrap();
        },
        carelessly(careless),
        slowly(tampered, watcher.came("tampered", "QuotaCommitsSlow")),
        tamper_until(tampered, watcher.came("tampered", "QuotaInvariantViolated")),
        use_too_much(busy),
    );
}

/// No file of the server may grow any more, its audit log neither.
async fn a_full_disk(server: &QuotaServer) {
    let limit = Rlimit { current: Some(1), maximum: None };
    prlimit(Some(server.process.pid()), Resource::Fsize, limit).unwrap();
    let put = reqwest::Client::new().put(format!("{}/v1/deployments/new", url(server)));
    let refused = put.json(&json!({"rpm_limit": 1})).send().await.unwrap();
    assert_eq!(refused.status(), 503);
}

/// The last entry is not what was written.
async fn a_damaged_journal(server: &mut QuotaServer) {
    take_and_use(server, LARGE, 0, 0).await;
    server.process.kill().unwrap();
    damage_last_entry(server).await;
    server.start_again().await.unwrap();
}

/// Holders take all that there is, and are never heard of again.
fn more_than_there_is(town: &mut Town) {
    town.traffic.of_wasters(town.busy.process.url(), TINY, 50);
}

/// Somebody lowers a limit that a file declares: to what one waster takes, so that it is still used
/// up.
async fn by_hand(server: &QuotaServer) {
    let put = reqwest::Client::new().put(format!("{}/v1/deployments/{TINY}", url(server)));
    put.json(&json!({"tpm_limit": 50})).send().await.unwrap().error_for_status().unwrap();
}

/// A deployment without any limit.
fn a_bad_file(server: &QuotaServer) {
    let nothing = BTreeMap::from([(LARGE.to_owned(), DeploymentSpec::default())]);
    server.declare(&nothing).unwrap();
    server.process.reload().unwrap();
}

/// Nobody has renewed it: one day is left.
fn a_short_certificate(site: &Sealed) {
    let day = Duration::from_secs(86_400);
    site.authority.papers_for(site.folder.path(), Sealed::NAME, day).unwrap();
}

/// Who runs Redis has taken the right away, and then the library is lost.
async fn an_unprepared_redis(site: &OnRedis) {
    let load: &[&str] = &["ACL", "SETUSER", "default", "-function|load"];
    let _: () = site.redis.ask(load).await.unwrap();
    let _: () = site.redis.ask(&["FUNCTION", "FLUSH"]).await.unwrap();
}

/// A second replica, with a data directory of its own.
fn a_second_ledger(town: &Town, watcher: &Watcher) {
    let mut jobs: Vec<Job> = town.jobs();
    let split = jobs.iter_mut().find(|job| job.name == "split").unwrap();
    split.urls.push(url(&town.split[1]));
    watcher.scrape(&jobs);
}

/// Redis forgets everything, and is told not to mind its disk.
async fn carelessly(site: &OnRedis) {
    let _: () = site.redis.ask(&["CONFIG", "SET", "appendfsync", "everysec"]).await.unwrap();
    let _: () = site.redis.ask(&["FLUSHALL"]).await.unwrap();
}

/// Redis keeps every other write waiting, until `enough`; there are some all the time. The gaps
/// between its pauses are longer than the 100 ms that an idle Redis takes to notice that one is
/// over: without that, writes would wait until they fail.
async fn slowly(site: &OnRedis, enough: impl Future) {
    let pauses = async {
        loop {
            let _: () = site.redis.ask(&["CLIENT", "PAUSE", "250", "WRITE"]).await.unwrap();
            sleep(Duration::from_millis(450)).await;
        }
    };
    let writes = async {
        for number in 0.. {
            take_and_use(&site.server, TINY, number, 0).await;
            sleep(Duration::from_millis(250)).await;
        }
    };
    tokio::select! { () = pauses => {}, () = writes => {}, _ = enough => {} }
}

/// Writes into a book that more is used than was granted, behind everybody's back, until somebody
/// notices.
async fn tamper_until(site: &OnRedis, noticed: impl Future) {
    let tampering = async {
        for number in 0.. {
            take_and_use(&site.server, LARGE, number, 0).await;
            let _: u64 =
                site.redis.ask(&["EVAL", TOO_MUCH_USED, "1", "tl:{1}:book"]).await.unwrap();
            sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! { () = tampering => {}, _ = noticed => {} }
}

/// The sums of a window are numbers of 8 bytes: the fourth is the limit, the tenth the tokens used.
const TOO_MUCH_USED: &str = "
    local changed = 0
    for at = 0, 3 do
        local field = 'b' .. at
        local sums = redis.call('HGET', KEYS[1], field)
        if sums then
            local limit = sums:sub(25, 32)
            redis.call('HSET', KEYS[1], field, sums:sub(1, 72) .. limit .. sums:sub(81))
            changed = changed + 1
        end
    end
    return changed";

/// Requests need far more than was reserved for them.
async fn use_too_much(server: &QuotaServer) {
    for number in 0..10 {
        take_and_use(server, LARGE, number, 5_000).await;
    }
}

async fn take_and_use(server: &QuotaServer, deployment: &str, number: u64, overrun: u64) {
    let http = reqwest::Client::new();
    let post = async |route: &str, body: &serde_json::Value| {
        http.post(format!("{}{route}", server.process.url())).json(body).send().await.unwrap()
    };
    let acquire = acquire(deployment, 1_000_000 + number, 100);
    // Of a book that was tampered with nothing may be granted.
    let Ok(lease) = post(routes::LEASES, &acquire).await.json::<Lease>().await else { return };
    let used = UsedItem {
        lease_id: lease.lease_id,
        tokens: 100,
        requests: 1,
        overrun: Amount { tokens: overrun, requests: 0 },
    };
    let batch = json!({"holder": "gw/1", "used": [used]});
    post(routes::BATCH, &batch).await.error_for_status().unwrap();
}
