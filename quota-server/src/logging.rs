//! Structured logs, on stderr: stdout is for the lines that a start prints.

use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;

use traces::lines::LineWriter;
use traces::{Export, ExportError};
use tracing::error;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::config::{LogConfig, LogFormat};

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Something else logs in this process already.
    #[error(transparent)]
    Taken(#[from] TryInitError),
    /// Traces cannot be sent where they are to go.
    #[error(transparent)]
    Traces(#[from] ExportError),
}

/// Begins to log, into `lines`. Panics are logged too, once, where they happen. Traces go to this
/// endpoint until the answer is dropped.
///
/// # Errors
/// As [`BeginError`] says.
pub fn begin(
    config: &LogConfig,
    lines: LineWriter,
    endpoint: Option<&str>,
) -> Result<Option<Export>, BeginError> {
    let export = endpoint.map(|url| Export::start("quota-server", url)).transpose()?;
    match &export {
        Some(export) => log_and_trace(config, lines, export)?,
        None => log(config, lines)?,
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(export)
}

/// Each with its own filter: what is traced is not logged for that.
fn log_and_trace(
    config: &LogConfig,
    lines: LineWriter,
    export: &Export,
) -> Result<(), TryInitError> {
    let lines = fmt::layer()
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(lines);
    let lines = match config.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let lines = lines.with_filter(EnvFilter::new(&config.log_level));
    registry().with(lines).with(traces::layer(export)).try_init()
}

fn log(config: &LogConfig, lines: LineWriter) -> Result<(), TryInitError> {
    let filter = EnvFilter::new(&config.log_level);
    let logs = fmt()
        .with_env_filter(filter)
        // It would say on stderr that stderr cannot be written, and panic over that.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(lines);
    match config.log_format {
        LogFormat::Text => logs.finish().try_init(),
        LogFormat::Json => logs.json().finish().try_init(),
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let what = panic.payload_as_str().unwrap_or("no message");
    error!(place, what, "a panic");
}
