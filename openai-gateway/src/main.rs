//! The gateway's process. Exit codes: 0 stopped as told, 64 somebody wrote something wrong, 1
//! anything else.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use openai_gateway::cli::{Cli, Command};
use openai_gateway::config::Environment;
use openai_gateway::{StartError, check, logs, run};
use traces::lines;

const MISTAKE: u8 = 64;

fn main() -> ExitCode {
    begin().unwrap_or_else(|error| {
        lines::last_words(format!("Error: {error:?}"));
        ExitCode::FAILURE
    })
}

fn begin() -> anyhow::Result<ExitCode> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            error.print().context("nobody reads what is printed")?;
            return Ok(ExitCode::from(if error.use_stderr() { MISTAKE } else { 0 }));
        }
    };
    let environment = Environment::of_process();
    if cli.command == Some(Command::Check) {
        return checked(&cli, &environment);
    }
    let endpoint = traces::endpoint(cli.otlp_endpoint.as_deref(), |name| {
        environment.var(name).map(ToOwned::to_owned)
    });
    let (writer, _lines) = lines::stderr();
    let _traces = logs::start(cli.log_format, writer, endpoint.as_deref()).context("no traces")?;
    let seed = rand::random();
    match serve(&cli, seed)? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_mistake() => {
            error.to_string().lines().for_each(|line| tracing::error!("{line}"));
            Ok(ExitCode::from(MISTAKE))
        }
        Err(error) => Err(error.into()),
    }
}

fn checked(cli: &Cli, environment: &Environment) -> anyhow::Result<ExitCode> {
    const NOBODY: &str = "nobody reads what is printed";
    let runtime = runtime()?;
    let _on_it = runtime.enter();
    match check(cli, environment, &mut std::io::stdout().lock()).context(NOBODY)? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_mistake() => {
            writeln!(std::io::stderr().lock(), "{error}").context(NOBODY)?;
            Ok(ExitCode::from(MISTAKE))
        }
        Err(error) => Err(error.into()),
    }
}

fn serve(cli: &Cli, seed: u64) -> anyhow::Result<Result<(), StartError>> {
    Ok(runtime()?.block_on(run(cli, &Environment::of_process(), seed)))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")
}
