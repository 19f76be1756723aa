//! Structured logs, on stderr: stdout is for the lines that a start prints.

use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;

use tracing::error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Begins to log. Panics are logged too, once, where they happen.
///
/// # Errors
/// Something else logs in this process already.
pub fn begin(config: &LogConfig) -> Result<(), TryInitError> {
    let filter = EnvFilter::new(&config.log_level);
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would say on stderr that stderr cannot be written, and panic over that.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => logs.finish().try_init(),
        LogFormat::Json => logs.json().finish().try_init(),
    }?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let what = panic.payload_as_str().unwrap_or("no message");
    error!(place, what, "a panic");
}
