//! What to run: a LiteLLM `config.yaml`, read as it is, with one key of ours, `quota_server`.
//!
//! `file` has the shapes as LiteLLM's users write them; [`Config`] is what they mean here, checked.
//! Keys that this gateway does nothing with are collected, so that a start can say once which ones
//! it ignored. Every mistake names its place: the line, or the entry.

mod deployment;
mod entry;
mod error;
mod file;
mod provider;
mod quota;
mod reference;
mod routing;
mod secret;

use std::collections::HashSet;
use std::path::Path;

pub use deployment::{DeploymentConfig, Prices, QuotaLimits};
pub use error::ConfigError;
pub use quota::{QuotaConfig, Reservation};
pub use reference::Environment;
pub use routing::{Alias, Fallbacks, RoutingConfig, Strategy};
pub use secret::Secret;

use error::Mistake;
use file::File;

/// What to run, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployments, in the file's order.
    pub deployments: Vec<DeploymentConfig>,
    /// How deployments are chosen from, and what follows an error.
    pub routing: RoutingConfig,
    /// What callers must present; anyone may call where it is absent.
    pub master_key: Option<Secret>,
    /// The quota server and how it is used.
    pub quota: QuotaConfig,
    /// Keys of the file that this gateway does nothing with.
    pub ignored: Vec<String>,
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// The file can't be read, isn't YAML of this shape, or says something that makes no sense here.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, environment).map_err(|mistake| mistake.in_file(path))
    }

    /// The same of a file's text.
    ///
    /// # Errors
    /// As `load`, but that there is nothing to be read from.
    pub fn of_text(text: &str, environment: &Environment) -> Result<Self, ConfigError> {
        Self::parse(text, environment).map_err(|mistake| mistake.in_file("config.yaml".as_ref()))
    }

    /// Checks a file's text.
    fn parse(text: &str, environment: &Environment) -> Result<Self, Mistake> {
        let (file, ignored) = File::parse(text)?;
        Ok(Self {
            deployments: deployments(&file, environment)?,
            routing: file.routing().map_err(|what| Mistake::at("router_settings", what))?,
            master_key: file.master_key(environment)?,
            quota: file.quota_server.unwrap_or_default(),
            ignored,
        })
    }
}

fn deployments(file: &File, environment: &Environment) -> Result<Vec<DeploymentConfig>, Mistake> {
    let mut ids = HashSet::new();
    let mut deployments = Vec::with_capacity(file.model_list.len());
    for (index, entry) in file.model_list.iter().enumerate() {
        let place = entry::place(entry, index);
        let deployment = DeploymentConfig::check(&entry.value, &file.router_settings, environment)
            .map_err(|what| Mistake::at(&place, what))?;
        if !ids.insert(deployment.id.clone()) {
            let what = format!("another entry has the id {:?} already", deployment.id);
            return Err(Mistake::at(&place, what));
        }
        deployments.push(deployment);
    }
    if deployments.is_empty() {
        return Err(Mistake::at("model_list", "no deployment at all"));
    }
    Ok(deployments)
}

#[cfg(test)]
mod tests;
