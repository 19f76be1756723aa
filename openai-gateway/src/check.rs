//! `openai-gateway check`: what a start would say of the configuration.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::cli::Cli;
use crate::config::{Config, ConfigError, Environment};

/// Reads the configuration and tells what there is to be told, without starting anything.
///
/// # Errors
/// Nobody reads what is written. Inside, why the configuration can't be run: all its mistakes.
pub fn check(
    cli: &Cli,
    environment: &Environment,
    out: &mut impl Write,
) -> io::Result<Result<(), ConfigError>> {
    let config = match Config::load_usable(&cli.config, environment, cli.unusable()) {
        Ok(config) => cli.settle(config),
        Err(error) => return Ok(Err(error)),
    };
    let identity = Cli::quota_identity(&config);
    config.warnings.iter().try_for_each(|warning| writeln!(out, "warning: {warning}"))?;
    config.ignored.iter().try_for_each(|key| writeln!(out, "ignored: {key}"))?;
    let groups: BTreeSet<_> = config.deployments.iter().map(|d| &d.model_group).collect();
    let (deployments, groups) = (config.deployments.len(), groups.len());
    let file = cli.config.display();
    writeln!(
        out,
        "{file}: a gateway starts with {deployments} deployments in {groups} model groups"
    )?;
    Ok(identity.map(|_| ()))
}
