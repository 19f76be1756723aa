//! Logs go to stderr, so that stdout says only where the gateway listens. No log line carries a
//! header or a body, and no trace does: keys and what callers write stay out of them.

use traces::lines::LineWriter;
use traces::{Export, ExportError};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::cli::LogFormat;

/// Starts logging into `lines`, at the levels that `RUST_LOG` says, else from `info` up. Traces go
/// to this endpoint until the answer is dropped.
///
/// # Errors
/// Traces cannot be sent there.
pub fn start(
    format: LogFormat,
    lines: LineWriter,
    endpoint: Option<&str>,
) -> Result<Option<Export>, ExportError> {
    let export = endpoint.map(|url| Export::start("openai-gateway", url)).transpose()?;
    let lines = fmt::layer().with_writer(lines).with_ansi(false);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    match &export {
        Some(export) => {
            let lines = lines.with_filter(filter);
            registry().with(lines).with(traces::layer(export)).init();
        }
        None => registry().with(lines).with(filter).init(),
    }
    Ok(export)
}
