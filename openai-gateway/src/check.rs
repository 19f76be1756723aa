//! `openai-gateway check`: what a start would say of the configuration.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::StartError;
use crate::cli::Cli;
use crate::config::{Config, Environment};
use crate::run::Prepared;

/// Reads the configuration and tells what there is to be told. All is made that a start makes
/// before it listens, and let go again: it wants a tokio runtime, and nothing is sent.
///
/// # Errors
/// Nobody reads what is written. Inside, why a gateway doesn't start: all mistakes of the file, or
/// the first thing that can't be made of it.
pub fn check(
    cli: &Cli,
    environment: &Environment,
    out: &mut impl Write,
) -> io::Result<Result<(), StartError>> {
    let config = match Config::load_usable(&cli.config, environment, cli.unusable()) {
        Ok(config) => cli.settle(config),
        Err(error) => return Ok(Err(error.into())),
    };
    config.warnings.iter().try_for_each(|warning| writeln!(out, "warning: {warning}"))?;
    config.ignored.iter().try_for_each(|key| writeln!(out, "ignored: {key}"))?;
    if let Err(error) = Prepared::new(cli, &config, environment) {
        return Ok(Err(error));
    }
    let groups: BTreeSet<_> = config.deployments.iter().map(|d| &d.model_group).collect();
    let (deployments, groups) = (config.deployments.len(), groups.len());
    let file = cli.config.display();
    writeln!(
        out,
        "{file}: a gateway starts with {deployments} deployments in {groups} model groups"
    )?;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const FILE: &str =
        "model_list: [{model_name: m, litellm_params: {model: gpt-4o, api_key: k, tpm: 5}}]\n";

    /// What is told of the file with this behind it, and whether a gateway starts.
    fn checked(flags: &[&str], more: &str) -> (String, Result<(), String>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{FILE}{more}\n")).unwrap();
        let path = file.path().to_str().unwrap();
        let words = [&["openai-gateway", "--config", path], flags, &["check"]].concat();
        let mut out = Vec::new();
        let told = check(&Cli::parse_from(words), &Environment::default(), &mut out).unwrap();
        (String::from_utf8(out).unwrap(), told.map_err(|error| error.to_string()))
    }

    #[tokio::test]
    async fn nothing_is_said_to_start_that_does_not() {
        for (flags, quota, expected) in [
            (&[][..], "client_cert_file: cert.pem", "belong together"),
            (&[], "token_file: /nowhere/token", "/nowhere/token"),
            (&[], "ca_file: /nowhere/ca.pem", "/nowhere/ca.pem"),
            (&[], "client_cert_file: /nowhere/c, client_key_file: /nowhere/k", "/nowhere/"),
            (&[], "url: 'ftp://q'", "quota server"),
            (&[], "holder: ''", "quota server"),
            (&["--tls-cert=/nowhere/own", "--tls-key=/nowhere/key"], "", "/nowhere/own"),
            (&["--listen=0.0.0.0:0"], "", "--allow-anonymous"),
            (&["--cors-origins=https://app.example"], "", "needs a key"),
            (&["--max-body-bytes=100000000"], "", "--max-bodies-bytes"),
        ] {
            let (out, told) = checked(flags, &format!("quota_server: {{{quota}}}"));
            let error = told.unwrap_err();
            assert!(error.contains(expected), "{quota} {flags:?}: {error}");
            assert!(!out.contains("a gateway starts"), "{quota} {flags:?}: {out}");
        }
    }

    #[tokio::test]
    async fn what_leads_nowhere_is_told_and_left_out() {
        let (out, told) = checked(
            &[],
            "router_settings: {model_group_alias: {a: b, b: m}, fallbacks: [{m: [a, nowhere]}]}",
        );
        assert_eq!(told, Ok(()));
        assert!(out.contains("\"nowhere\", which has no deployment"), "{out}");
        assert!(out.ends_with("a gateway starts with 1 deployments in 1 model groups\n"), "{out}");
    }
}
