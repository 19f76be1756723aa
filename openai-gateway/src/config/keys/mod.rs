//! What becomes of each key of LiteLLM's: obeyed, ignored or refused. The reader asks this table,
//! and the page of the documentation is made from it.
//!
//! To obey another key: its row here, and the place that takes it from its `Section`
//! (`config::section`); a test tries the row's example, and something wrong in its place.

mod deployments;
mod settings;

use Treatment::{Ignored, Obeyed, Refused};

/// A part of the file, as its keys are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The top of the file.
    File,
    /// An entry of `model_list`.
    Entry,
    /// `litellm_params` of an entry.
    Params,
    /// `model_info` of an entry.
    Info,
    /// An entry of `credential_list`.
    Credential,
    /// `router_settings`.
    Router,
    /// `router_settings.routing_strategy_args`.
    StrategyArgs,
    /// An alias of `router_settings.model_group_alias` that is more than a name.
    Alias,
    /// `litellm_settings`.
    Litellm,
    /// `general_settings`.
    General,
    /// `quota_server`, this gateway's own.
    Quota,
    /// `adaptive_router_config` of an entry's `litellm_params`.
    AdaptiveRouter,
}

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It does here what it does in LiteLLM, or what its row says.
    Obeyed,
    /// The start names it, and nothing else comes of it.
    Ignored,
    /// A file that has it is not started with: what it asks for would be broken silently.
    Refused,
}

/// A key of LiteLLM's.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its part of the file.
    pub part: Part,
    /// Its name there.
    pub name: &'static str,
    /// What is done with it.
    pub treatment: Treatment,
    /// A value, as YAML: one that an obeyed key may have.
    pub example: &'static str,
    /// What the treatment means.
    pub says: &'static str,
}

impl Part {
    /// How the part is written in a file.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::File => "the file",
            Self::Entry => "model_list",
            Self::Params => "litellm_params",
            Self::Info => "model_info",
            Self::Credential => "credential_list",
            Self::Router => "router_settings",
            Self::StrategyArgs => "routing_strategy_args",
            Self::Alias => "model_group_alias",
            Self::Litellm => "litellm_settings",
            Self::General => "general_settings",
            Self::Quota => "quota_server",
            Self::AdaptiveRouter => "adaptive_router_config",
        }
    }
}

/// All keys that are known.
pub fn all() -> impl Iterator<Item = &'static Key> {
    deployments::KEYS.iter().chain(settings::KEYS)
}

pub(super) fn find(part: Part, name: &str) -> Option<&'static Key> {
    all().find(|key| key.part == part && key.name == name)
}

pub(super) fn treatment(part: Part, name: &str) -> Option<Treatment> {
    find(part, name).map(|key| key.treatment)
}

const fn obeyed(part: Part, name: &'static str, example: &'static str, says: &'static str) -> Key {
    Key { part, name, treatment: Obeyed, example, says }
}

const fn ignored(part: Part, name: &'static str, says: &'static str) -> Key {
    Key { part, name, treatment: Ignored, example: "x", says }
}

const fn refused(part: Part, name: &'static str, says: &'static str) -> Key {
    Key { part, name, treatment: Refused, example: "x", says }
}
