//! The file as LiteLLM's users write it: what of it means something here.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::entry::Entry;
use super::error::Mistake;
use super::quota::QuotaConfig;
use super::reference::Environment;
use super::secret::Secret;

#[derive(Debug, Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) model_list: Vec<Spanned<Entry>>,
    #[serde(default)]
    pub(super) router_settings: RouterSettings,
    #[serde(default)]
    general_settings: GeneralSettings,
    pub(super) quota_server: Option<QuotaConfig>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RouterSettings {
    routing_strategy: Option<String>,
    /// Seconds, for entries that don't say.
    pub(super) timeout: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
struct GeneralSettings {
    master_key: Option<String>,
}

impl File {
    /// The file, and the paths of the keys in it that mean nothing here.
    pub(super) fn parse(text: &str) -> Result<(Self, Vec<String>), Mistake> {
        let mut ignored = Vec::new();
        let file = serde_saphyr::with_deserializer_from_str(text, |yaml| {
            serde_ignored::deserialize(yaml, |path| ignored.extend(written(&path.to_string())))
        })
        .map_err(|error| Mistake::yaml(&error))?;
        Ok((file, ignored))
    }

    pub(super) fn master_key(&self, environment: &Environment) -> Result<Option<Secret>, Mistake> {
        let key = self.general_settings.master_key.as_deref();
        key.map(|text| environment.resolve(text))
            .transpose()
            .map(|key| key.map(Secret::new))
            .map_err(|what| Mistake::at("general_settings.master_key", what))
    }
}

/// A key's path as a reader of the file would write it: `Spanned` stands in it as a struct of its
/// own, with a `value` and a mark that nobody wrote.
fn written(path: &str) -> Option<String> {
    let is_mark = path.contains("__serde_saphyr");
    (!is_mark).then(|| path.replace(".?.value", ""))
}

impl RouterSettings {
    /// The strategy, if it is another than the one that is there: weighted random.
    pub(super) fn untreated_strategy(&self) -> Option<String> {
        let strategy = self.routing_strategy.as_deref()?;
        (strategy != "simple-shuffle")
            .then(|| format!("router_settings.routing_strategy={strategy}"))
    }
}
