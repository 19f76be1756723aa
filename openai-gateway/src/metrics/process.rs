//! What the process itself costs, and which build it is.

use metrics::gauge;
use metrics_process::Collector;

use super::BUILD_INFO;

pub(super) fn describe() {
    Collector::default().describe();
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// Reads the process's figures; at a scrape only.
pub(super) fn collect() {
    Collector::default().collect();
}
