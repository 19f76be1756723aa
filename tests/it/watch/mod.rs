//! What is watched: metrics, alerts, the dashboard of Grafana, with real processes and a real
//! Prometheus.

mod alerts;
mod faults;
mod grafana;
mod metrics;
mod town;
mod traces;
mod traffic;
mod watcher;

/// A file of the repository.
fn file(path: &str) -> String {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"))
}
