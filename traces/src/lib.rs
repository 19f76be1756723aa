//! How traces pass from process to process ([`adopt`], [`carry`]: W3C Trace Context), and out of
//! them to a collector (`Export`, with the feature `export`: OTLP over HTTP). Log lines get out of
//! it beside them (`lines`).
//!
//! Code that does something worth a span makes one with `tracing`, at the level `debug`, and knows
//! nothing of OpenTelemetry. Work that serves many callers at once, a message or a commit, is a
//! child of the first of them and follows from the others ([`shared`]). While nobody collects,
//! spans below the log level cost a load each, and what carries their context returns at once.

mod context;
#[cfg(feature = "export")]
mod count;
#[cfg(feature = "export")]
mod export;
#[cfg(feature = "export")]
pub mod lines;

pub use context::{adopt, carry, shared};
#[cfg(feature = "export")]
pub use export::{Export, ExportError, endpoint, layer};

/// Declares the metrics in the recorder that is installed.
#[cfg(feature = "export")]
pub fn describe() {
    count::describe();
    lines::describe();
}
