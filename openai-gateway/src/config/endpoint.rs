//! Where calls go.

use reqwest::Url;

/// The version of Azure's API where neither the file nor `AZURE_API_VERSION` says one: LiteLLM's.
pub(super) const AZURE_VERSION: &str = "2025-02-01-preview";
/// How Azure's URLs say it.
pub(super) const VERSION_PARAMETER: &str = "api-version";
/// Azure AI Foundry's, likewise.
const FOUNDRY_VERSION: &str = "2024-05-01-preview";

/// A provider's endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEndpoint {
    base: Url,
    /// The model stands in the path, as Azure's deployments do.
    model_in_path: bool,
    /// Calls that are at another path of the same host: which, and where.
    elsewhere: &'static [(&'static str, &'static str)],
}

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its path, after the base.
    pub path: &'static str,
    /// Where an endpoint has models in paths, this call has one too.
    pub names_model: bool,
}

/// Where one kind of call goes: worked out once, unless it depends on the model that a caller
/// names.
#[derive(Debug, Clone)]
pub enum CallUrl {
    /// Always there.
    Fixed(Url),
    /// Wherever the model is.
    ByModel(ProviderEndpoint, Call),
}

impl ProviderEndpoint {
    /// The call is appended to the base.
    pub(super) const fn plain(base: Url) -> Self {
        Self { base, model_in_path: false, elsewhere: &[] }
    }

    /// The same with these calls at other paths.
    pub(super) fn with(self, elsewhere: &'static [(&'static str, &'static str)]) -> Self {
        Self { elsewhere, ..self }
    }

    /// Azure OpenAI, in the form that base and version ask for: a base that names `/openai/v1`, or
    /// the version `v1`, `latest` or `preview`, asks for the newer one; one that names its
    /// deployment is complete.
    pub(super) fn azure(mut base: Url, version: &str) -> Self {
        let path = base.path().trim_end_matches('/').to_owned();
        let newer = matches!(version, "v1" | "latest" | "preview");
        if path.ends_with("/openai/v1") || newer {
            if !path.ends_with("/openai/v1") {
                base.set_path(&format!("{}/openai/v1", path.trim_end_matches("/openai")));
            }
            if version == "preview" {
                set_version(&mut base, version);
            }
            return Self::plain(base);
        }
        set_version(&mut base, version);
        if path.contains("/openai/deployments/") {
            return Self::plain(base);
        }
        base.set_path(path.trim_end_matches("/openai"));
        Self { base, model_in_path: true, elsewhere: &[] }
    }

    /// Azure AI Foundry: `/models` at its own hosts; elsewhere the base is complete. Its portal
    /// shows the address of the call itself.
    pub(super) fn foundry(mut base: Url, version: Option<&str>) -> Self {
        let is_own = base.host_str().is_some_and(|host| host.ends_with(".services.ai.azure.com"));
        let path = base.path().trim_end_matches('/');
        let path = path.trim_end_matches("/chat/completions").to_owned();
        base.set_path(&path);
        if is_own && !path.ends_with("/openai/v1") {
            if !path.ends_with("/models") {
                base.set_path(&format!("{path}/models"));
            }
            set_version(&mut base, version.unwrap_or(FOUNDRY_VERSION));
        } else if let Some(version) = version {
            set_version(&mut base, version);
        }
        Self::plain(base)
    }

    /// The address up to the call.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// Where a kind of call goes, for this model or, without one, for any that a caller names.
    #[must_use]
    pub fn call(&self, call: Call, model: Option<&str>) -> CallUrl {
        match (self.model_in_path && call.names_model, model) {
            (true, None) => CallUrl::ByModel(self.clone(), call),
            _ => CallUrl::Fixed(self.url(call, model.unwrap_or_default())),
        }
    }

    /// The base and the path, whether the base ends in a slash or not; a query stays.
    fn url(&self, call: Call, model: &str) -> Url {
        let mut url = self.base.clone();
        if let Some((_, at)) = self.elsewhere.iter().find(|(path, _)| *path == call.path) {
            url.set_path(at);
            return url;
        }
        // What is no base, like `mailto:`, has no segments; `api_base` is http or https.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            if self.model_in_path {
                segments.push("openai");
            }
            if self.model_in_path && call.names_model {
                segments.extend(["deployments", model]);
            }
            segments.extend(call.path.split('/'));
        }
        url
    }
}

impl CallUrl {
    /// Where the call goes for this model.
    #[must_use]
    pub fn of(&self, model: &str) -> Url {
        match self {
            Self::Fixed(url) => url.clone(),
            Self::ByModel(endpoint, call) => endpoint.url(*call, model),
        }
    }
}

fn set_version(base: &mut Url, version: &str) {
    let said = base.query_pairs().any(|(name, _)| name == VERSION_PARAMETER);
    if !said {
        base.query_pairs_mut().append_pair(VERSION_PARAMETER, version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: Call = Call { path: "chat/completions", names_model: true };
    const RESPONSES: Call = Call { path: "responses", names_model: false };

    fn url(base: &str) -> Url {
        Url::parse(base).unwrap()
    }

    #[test]
    fn paths_are_appended_to_the_base() {
        for (base, chat) in [
            ("http://a/v1", "http://a/v1/chat/completions"),
            ("http://a/v1/", "http://a/v1/chat/completions"),
            ("http://a", "http://a/chat/completions"),
            ("http://a/v1?tenant=5", "http://a/v1/chat/completions?tenant=5"),
        ] {
            let call = ProviderEndpoint::plain(url(base)).call(CHAT, Some("m"));
            assert_eq!(call.of("m").as_str(), chat);
        }
    }

    #[test]
    fn azure_has_two_forms() {
        let old = "http://a/openai/deployments/m/chat/completions?api-version=2024-10-21";
        for (base, version, chat) in [
            ("http://a", "2024-10-21", old),
            ("http://a/", "2024-10-21", old),
            ("http://a/openai", "2024-10-21", old),
            ("http://a/openai/deployments/m", "2024-10-21", old),
            ("http://a?api-version=2024-10-21", "2023-05-15", old),
            ("http://a", "v1", "http://a/openai/v1/chat/completions"),
            ("http://a/openai", "latest", "http://a/openai/v1/chat/completions"),
            ("http://a/openai/v1/", "2024-10-21", "http://a/openai/v1/chat/completions"),
            ("http://a", "preview", "http://a/openai/v1/chat/completions?api-version=preview"),
        ] {
            let call = ProviderEndpoint::azure(url(base), version).call(CHAT, Some("m"));
            assert_eq!(call.of("m").as_str(), chat, "{base} {version}");
        }
    }

    #[test]
    fn not_every_call_of_azure_s_names_its_model() {
        for (version, expected) in [
            ("2025-04-01-preview", "http://a/openai/responses?api-version=2025-04-01-preview"),
            ("v1", "http://a/openai/v1/responses"),
        ] {
            let endpoint = ProviderEndpoint::azure(url("http://a"), version);
            for model in [None, Some("m")] {
                assert_eq!(endpoint.call(RESPONSES, model).of("m").as_str(), expected);
            }
        }
    }

    #[test]
    fn a_call_may_be_elsewhere() {
        let endpoint =
            ProviderEndpoint::plain(url("http://a/x/v1")).with(&[("responses", "/v2/r")]);
        assert_eq!(endpoint.call(RESPONSES, None).of("m").as_str(), "http://a/v2/r");
        assert_eq!(endpoint.call(CHAT, None).of("m").path(), "/x/v1/chat/completions");
    }

    #[test]
    fn a_caller_s_model_cannot_leave_its_place_in_the_path() {
        let call = ProviderEndpoint::azure(url("http://a"), "2024-10-21").call(CHAT, None);
        for (model, expected) in [
            ("gpt-4o", "/openai/deployments/gpt-4o/chat/completions"),
            ("a/b?c#d", "/openai/deployments/a%2Fb%3Fc%23d/chat/completions"),
            ("..", "/openai/deployments/chat/completions"),
        ] {
            assert_eq!(call.of(model).path(), expected);
        }
    }

    #[test]
    fn foundry_has_models_at_its_own_hosts() {
        let own = ProviderEndpoint::foundry(url("https://x.services.ai.azure.com"), None);
        assert_eq!(
            own.base().as_str(),
            "https://x.services.ai.azure.com/models?api-version=2024-05-01-preview"
        );
        for other in [
            "https://x.models.ai.azure.com/v1",
            "https://x.models.ai.azure.com/v1/chat/completions",
        ] {
            let other = ProviderEndpoint::foundry(url(other), None);
            assert_eq!(other.base().as_str(), "https://x.models.ai.azure.com/v1");
        }
        let call = "https://x.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview";
        assert_eq!(
            ProviderEndpoint::foundry(url(call), None).call(CHAT, Some("m")).of("m").as_str(),
            call
        );
    }
}
