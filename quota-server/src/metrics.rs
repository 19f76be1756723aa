//! The one file that names metrics.
//!
//! Every metric exists from the start with 0, its help is its line in a table here, and its name
//! ends in its unit. The rest of the server speaks through the functions and handles below. None
//! is labelled by holder: their names are unbounded.
//!
//! To add a metric: its line in a table, and a function or handle for those who count.

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

mod deployments;
mod http;
mod lease;
mod ledger;
mod process;
mod reloaded;

pub use deployments::write_deployments;
pub use http::{HttpMetrics, RouteMetrics, connection_cut, connection_refused};
pub use lease::LeaseMetrics;
pub use ledger::*;
pub(crate) use reloaded::declared;
pub use reloaded::{Reloaded, audit_failed, certificate_ends, login_failed, reloaded};

const COMMITS: &str = "quota_commits_total";
const COMMIT_FAILURES: &str = "quota_commit_failures_total";
const JOURNAL_BYTES: &str = "quota_journal_bytes_total";
const INVARIANT_VIOLATIONS: &str = "quota_invariant_violations_total";
const GRANTS: &str = "quota_grants_total";
const GRANTED_TOKENS: &str = "quota_granted_tokens_total";
const GRANTED_REQUESTS: &str = "quota_granted_requests_total";
const DENIED: &str = "quota_denied_total";
const DENIED_BY_HOLDERS: &str = "quota_denied_by_holders_total";
const GIVEN_BACK_TOKENS: &str = "quota_given_back_tokens_total";
const GIVEN_BACK_REQUESTS: &str = "quota_given_back_requests_total";
const OVERRUN_TOKENS: &str = "quota_overrun_tokens_total";

const FAILED_LOGINS: &str = "quota_failed_logins_total";
const AUDIT_FAILURES: &str = "quota_audit_failures_total";
const DECLARED: &str = "quota_declared_deployments";
const RELOADS: &str = "quota_reloads_total";
const RELOAD_FAILURES: &str = "quota_reload_failures_total";

const CONNECTIONS_CUT: &str = "quota_http_connections_cut_total";
const CONNECTIONS_REFUSED: &str = "quota_http_connections_refused_total";
const HTTP_REQUESTS: &str = "quota_http_requests_total";
const HTTP_RUNNING: &str = "quota_http_requests_running";
const HTTP_MOST: &str = "quota_http_requests_most";
const CERTIFICATE_END: &str = "quota_certificate_end_timestamp_seconds";
const HTTP_SECONDS: &str = "quota_http_request_seconds";

const RECOVERY: &str = "quota_recovery_seconds";
const JOURNAL_FAULTS: &str = "quota_journal_faults_total";
const QUARANTINES: &str = "quota_quarantines_total";
const QUARANTINED: &str = "quota_quarantined_books";
const STORE_WARNINGS: &str = "quota_store_warnings";
const WRITABLE: &str = "quota_ledger_writable";
const CATALOGUE_AWAY: &str = "quota_catalogue_away";
const LIBRARY_MISSING: &str = "quota_redis_library_missing";
const SHARDS: &str = "quota_store_shards";
const SHARDS_WRITABLE: &str = "quota_store_shards_writable";
const LEDGER_ACTIVE: &str = "quota_ledger_active";
const EPOCH: &str = "quota_ledger_epoch";
const TAKEOVERS: &str = "quota_ledger_takeovers_total";
const LEDGER_INFO: &str = "quota_ledger_info";
const QUEUED: &str = "quota_ledger_queued_calls";
const LEASE_BYTES: &str = "quota_lease_bytes";
const MEMORY_REFUSALS: &str = "quota_memory_refusals_total";
const BOOKS_ACTIVE: &str = "quota_books_active";
const BUILD_INFO: &str = "quota_build_info";

const COMMIT_SECONDS: &str = "quota_commit_seconds";
const COMMIT_GRANTS: &str = "quota_commit_grants";

const COUNTERS: &[(&str, &str)] = &[
    (COMMITS, "Commits to the store: writes of the journal, or messages to the books in Redis"),
    (TAKEOVERS, "Times that this server became the active one"),
    (COMMIT_FAILURES, "Commits to the store that failed: nothing of them was answered"),
    (JOURNAL_BYTES, "Bytes of records written to the journal"),
    (INVARIANT_VIOLATIONS, "Times that a book was found not to add up: must stay 0"),
    (GRANTS, "Leases granted, repeated requests not counted"),
    (GRANTED_TOKENS, "Tokens granted"),
    (GRANTED_REQUESTS, "Requests granted"),
    (DENIED_BY_HOLDERS, "Draws that holders denied by themselves, as far as they told"),
    (GIVEN_BACK_TOKENS, "Tokens credited by returns"),
    (GIVEN_BACK_REQUESTS, "Requests credited by returns"),
    (OVERRUN_TOKENS, "Tokens used above what was reserved"),
    (AUDIT_FAILURES, "Lines that could not be written to the audit log"),
    (CONNECTIONS_CUT, "Connections cut because the client took in nothing of its answer"),
    (
        CONNECTIONS_REFUSED,
        "Connections closed at once because their address had --max-connections-per-ip",
    ),
    (FAILED_LOGINS, "Calls with a wrong token, or with one that contradicts the certificate"),
    (
        JOURNAL_FAULTS,
        "Journal entries that could not be followed: missing, unreadable, or contradicting those before them",
    ),
    (
        QUARANTINES,
        "Books, or whole journals, found to have lost writes in the store, and quarantined",
    ),
];

const GAUGES: &[(&str, &str)] = &[
    (RECOVERY, "How long the last recovery from the journal took"),
    (WRITABLE, "1 while the ledger can write, else 0"),
    (LEDGER_ACTIVE, "1 while this server is one that writes the books, 0 while it stands by"),
    (EPOCH, "The epoch that this server last wrote with, where servers take over from each other"),
    (BOOKS_ACTIVE, "Deployments whose book is not at rest"),
    (LEASE_BYTES, "Memory that the leases of kept windows are counted with"),
    (QUARANTINED, "Books that are quarantined now, of those that this server asked lately"),
    (QUEUED, "Calls that the ledger has begun or that wait for it"),
    (HTTP_RUNNING, "Calls of the API that are being answered"),
    (HTTP_MOST, "Calls of the API that may be answered at once: --max-requests"),
    (
        CERTIFICATE_END,
        "When the certificate that the server shows, or the first of those beside it, ends; 0 without one",
    ),
    (
        LIBRARY_MISSING,
        "1 while Redis, or a shard of it, lacks the function library and lets this server load none, else 0",
    ),
    (CATALOGUE_AWAY, "1 while the deployments and the history beside Redis cannot be read, else 0"),
    (SHARDS, "Parts of the store that books are spread over, as of the last /readyz (Redis)"),
    (SHARDS_WRITABLE, "How many of these take writes; which do not stands in /readyz"),
    (STORE_WARNINGS, "Settings of the store under which writes can be lost"),
];

const HISTOGRAMS: &[(&str, &str)] =
    &[(COMMIT_SECONDS, "How long a commit takes"), (COMMIT_GRANTS, "Grants in one commit")];

const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0,
];

const GRANTS_A_COMMIT: &[f64] =
    &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 4_096.0, 16_384.0];

/// How the exposition is made up: the buckets of each histogram.
///
/// # Errors
/// A list of buckets is empty.
pub fn exposition() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Full(COMMIT_GRANTS.to_owned()), GRANTS_A_COMMIT)
}

/// All metrics as text, those of the process as they are now.
#[must_use]
pub fn render(handle: &PrometheusHandle) -> String {
    process::collect();
    handle.render()
}

/// Tells the recorder of every metric that there is; each starts with 0.
pub fn describe() {
    for &(name, help) in COUNTERS {
        describe_counter!(name, help);
        counter_of(name).increment(0);
    }
    for &(name, help) in GAUGES {
        describe_gauge!(name, help);
        gauge_of(name).set(0.0);
    }
    for &(name, help) in HISTOGRAMS {
        describe_histogram!(name, help);
        let _exists = histogram_of(name);
    }
    describe_gauge!(LEDGER_INFO, "1, with the kind of the ledger as a label");
    describe_counter!(DENIED, "Acquires denied, by the unit that ran out");
    describe_counter!(MEMORY_REFUSALS, "Refused for want of memory, by what would have filled it");
    MemoryOf::ALL.into_iter().for_each(|of| memory_refusals(of).increment(0));
    describe_counter!(RELOADS, "Files taken over while serving, by what they hold");
    describe_counter!(RELOAD_FAILURES, "Files with a mistake, so that what was before goes on");
    for file in Reloaded::ALL {
        counter!(RELOADS, "file" => file.as_str()).increment(0);
        counter!(RELOAD_FAILURES, "file" => file.as_str()).increment(0);
    }
    describe_gauge!(
        DECLARED,
        "Deployments that the --deployments file of this server names or named, by how they stand to it"
    );
    declared(&crate::declared::Counts::default());
    describe_counter!(HTTP_REQUESTS, "HTTP requests answered, by route and class of status");
    describe_histogram!(HTTP_SECONDS, "How long HTTP requests take, by route");
    let _exist = (LeaseMetrics::new(), HttpMetrics::new());
    process::describe();
    traces::describe();
}

fn counter_of(name: &'static str) -> Counter {
    counter!(name)
}

fn gauge_of(name: &'static str) -> Gauge {
    gauge!(name)
}

/// A gauge is a double: whole up to 2^53, which no count here exceeds.
#[expect(clippy::cast_precision_loss, reason = "nothing counted here reaches 2^53")]
fn gauged(value: u64) -> f64 {
    value as f64
}

fn histogram_of(name: &'static str) -> Histogram {
    histogram!(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_exists_from_the_start() {
        let recorder = exposition().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, describe);
        let text = recorder.handle().render();
        for (name, help) in [COUNTERS, GAUGES, HISTOGRAMS].concat() {
            assert!(text.contains(&format!("# HELP {name} {help}\n")), "{name}\n{text}");
            let is_sample = |line: &str| line.starts_with(name) && line.ends_with(" 0");
            assert!(text.lines().any(is_sample), "{name}\n{text}");
        }
        for labelled in [
            r#"quota_denied_total{unit="tokens"} 0"#,
            r#"quota_denied_total{unit="requests"} 0"#,
            r#"quota_http_requests_total{route="/v1/leases",class="5xx"} 0"#,
            r#"quota_http_request_seconds_count{route="/readyz"} 0"#,
        ] {
            assert!(text.contains(labelled), "{labelled} is not in\n{text}");
        }
    }
}
