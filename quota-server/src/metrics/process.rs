//! What the process itself costs, and which build it is.

use metrics::{describe_gauge, gauge};
use metrics_process::Collector;

use super::BUILD_INFO;

pub(super) fn describe() {
    describe_gauge!(BUILD_INFO, "1, with the version as a label");
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
    Collector::default().describe();
}

/// Reads the process's figures; at a scrape only.
pub(super) fn collect() {
    Collector::default().collect();
}
