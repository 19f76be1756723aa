//! An OpenAI-compatible server for tests and demos, with an audit of what reached it.
//!
//! `cargo run --release -p upstream -- --latency lognormal:514ms,790ms`, then
//! `curl 127.0.0.1:9900/audit`.

#![expect(clippy::print_stdout, reason = "where it listens is its one line of output")]

use anyhow::Context;
use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use upstream::Settings;

/// An OpenAI-compatible server for tests and demos, with an audit of what reached it:
/// `GET /audit`, `GET /audit/events`, `POST /audit/reset`.
#[derive(Debug, Parser)]
#[command(name = "upstream")]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { settings } = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}", settings.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async move {
        tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
    };
    upstream::serve(listener, settings, stop).await?;
    Ok(())
}
