//! Which provider an entry means, where it is and with which key. What can't be told is a mistake
//! at the start: a key must not go to another company than its own.

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use reqwest::Url;

use super::endpoint::{AZURE_VERSION, ProviderEndpoint};
use super::providers::{self, Home, KeyHeader, Provider, Urls};
use super::reference::{Environment, reference};
use super::report::Report;
use super::section::Section;
use super::yaml::{Node, Place, Value};

/// Variables that say what a home is made of, as LiteLLM and the providers' own tools call them.
const REGION: &[&str] = &["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"];
const LOCATION: &[&str] = &["VERTEXAI_LOCATION", "VERTEX_LOCATION"];
const PROJECT: &[&str] = &["VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"];
const ACCOUNT: &[&str] = &["CLOUDFLARE_ACCOUNT_ID"];

/// Where Anthropic's protocol has its key.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Where an entry's calls go.
pub(super) struct Reach {
    pub(super) provider: &'static Provider,
    /// What the provider calls the model; it may have `*` in it.
    pub(super) model: String,
    pub(super) endpoint: ProviderEndpoint,
    pub(super) key: Option<(HeaderName, HeaderValue)>,
    /// The same as Anthropic's protocol has it.
    pub(super) bare_key: Option<(HeaderName, HeaderValue)>,
    /// What tells this key from others without giving it away: the variable that holds it.
    pub(super) key_name: String,
}

impl Reach {
    /// Whether it has a key that nothing tells from others.
    pub(super) const fn has_nameless_key(&self) -> bool {
        self.key.is_some() && self.key_name.is_empty()
    }
}

/// What an entry's `litellm_params` say of it.
pub(super) struct EntrySaid {
    model: Option<String>,
    pub(super) provider: Option<String>,
    base: Option<String>,
    key: Option<FoundKey>,
    token: Option<FoundKey>,
    version: Option<String>,
    region: Option<String>,
    project: Option<String>,
    location: Option<String>,
    model_at: Place,
    base_at: Place,
    /// A key is said, and can't be read.
    key_is_wrong: bool,
}

/// A key and where it is from.
#[derive(Clone)]
struct FoundKey {
    text: String,
    /// The variable that holds it, if one does.
    name: String,
    place: Place,
    /// It is a token, which Azure takes in another header than a key.
    is_token: bool,
}

impl EntrySaid {
    /// Takes what it needs from `litellm_params`.
    pub(super) fn take(params: &mut Section<'_>, report: &mut Report) -> Self {
        let [model_at, base_at, url_at] =
            ["model", "api_base", "base_url"].map(|name| params.place_of(name));
        let model = params.text("model", report);
        let provider = params.text("custom_llm_provider", report);
        let (base, base_url) = (params.text("api_base", report), params.text("base_url", report));
        let before = report.mistakes.len();
        let [key, token] = ["api_key", "azure_ad_token"].map(|name| key(params, name, report));
        let key_is_wrong = report.mistakes.len() > before;
        let base_at = if base_url.is_some() { url_at } else { base_at };
        Self {
            model,
            provider,
            // With LiteLLM `base_url` counts more.
            base: base_url.or(base).filter(|base| !base.is_empty()),
            key,
            token: token.map(|token| FoundKey { is_token: true, ..token }),
            version: params.text("api_version", report),
            region: params.text("aws_region_name", report),
            project: params.text("vertex_project", report),
            location: params.text("vertex_location", report),
            model_at,
            base_at,
            key_is_wrong,
        }
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_deref().filter(|model| !model.is_empty())
    }

    /// Whether the entry leaves all to the name that a caller asks for.
    pub(super) fn is_any(&self) -> bool {
        self.provider.is_none() && self.model() == Some("*")
    }

    /// Whether the entry says where to go, or with which key.
    pub(super) const fn is_bound(&self) -> bool {
        self.base.is_some() || self.key.is_some()
    }

    /// Whether the environment has a provider's key, and whatever its address is made of.
    pub(super) fn has_all_of(&self, provider: &Provider, environment: &Environment) -> bool {
        provider.has_home()
            && environment.first(provider.key_variables).is_some()
            && self.base(provider, environment).is_ok_and(|base| goes_home(provider, &base))
    }

    /// The same entry for all models of one provider.
    pub(super) fn of_provider(&self, prefix: &str, model: &str) -> Self {
        Self {
            model: Some(model.to_owned()),
            provider: Some(prefix.to_owned()),
            base: None,
            key: None,
            token: None,
            version: self.version.clone(),
            region: self.region.clone(),
            project: self.project.clone(),
            location: self.location.clone(),
            model_at: self.model_at,
            base_at: self.base_at,
            key_is_wrong: false,
        }
    }

    /// Works it all out. The path is the entry's, for messages.
    pub(super) fn reach(&self, place: Place, path: &str, report: &mut Report) -> Option<Reach> {
        let found = self.provider_and_model();
        let (provider, model) = match found {
            Ok(found) => found,
            Err(what) => {
                report.mistake(self.model_at, format!("{path}.model: {what}"));
                return None;
            }
        };
        let base = self.base(provider, &report.environment);
        let key = base.as_ref().ok().and_then(|base| self.key(provider, base, &report.environment));
        if let Ok(base) = &base {
            warn_of_key(provider, base, key.is_some(), (place, path), report);
        }
        match (base, key) {
            (Err(what), _) => {
                report.mistake(self.base_at, format!("{path}.api_base: {what}"));
                None
            }
            (Ok(_), None) if self.key_is_wrong => None,
            (Ok(base), None) if provider.wants_key() && goes_home(provider, &base) => {
                let names = provider.key_variables.join(" or ");
                let says =
                    format!("there is no key for {}: say it here, or set {names}", provider.name);
                report.mistake(place, format!("{path}.api_key: {says}"));
                None
            }
            (Ok(base), Some(key)) if !may_go_to(&key.name, &base) => {
                let host = base.host_str().unwrap_or_default();
                let what = format!("{path}.api_key: {} is not the key of {host}", key.name);
                report.mistake(key.place, what);
                None
            }
            (Ok(base), key) => {
                let header = key.as_ref().map(|key| header(provider, &base, key));
                let bare = key.as_ref().map(|key| sensitive(X_API_KEY, &key.text));
                let headers = (header.transpose(), bare.transpose());
                let (Ok(key_header), Ok(bare_key)) = headers else {
                    let at = key.map_or(place, |key| key.place);
                    report.mistake(at, format!("{path}.api_key: a header can't carry it"));
                    return None;
                };
                let version = self.version(provider, &report.environment);
                Some(Reach {
                    provider,
                    model: named(provider, model),
                    endpoint: endpoint(provider, base, version.as_deref()),
                    key: key_header,
                    bare_key,
                    key_name: key.map(|key| key.name).unwrap_or_default(),
                })
            }
        }
    }

    /// `provider/model`, a provider apart, or a bare name that only one company has.
    fn provider_and_model(&self) -> Result<(&'static Provider, &str), String> {
        let model = self.model().ok_or("it names no model")?;
        if let Some(prefix) = &self.provider {
            let rest = model.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix('/'));
            return named_provider(prefix, rest.unwrap_or(model), model);
        }
        let by_host = || {
            let url = Url::parse(self.base.as_deref()?).ok()?;
            let host = url.host_str()?.to_owned();
            providers::owners(&host).next().filter(|provider| provider.has_home())
        };
        if let Some((prefix, rest)) = model.split_once('/') {
            return match named_provider(prefix, rest, model) {
                Err(what) => by_host().map(|provider| (provider, model)).ok_or(what),
                found => found,
            };
        }
        if let Some(provider) = providers::of_bare_name(model).and_then(providers::find) {
            return Ok((provider, model));
        }
        let elsewhere = || providers::find("openai_like").filter(|_| self.base.is_some());
        by_host().or_else(elsewhere).map(|provider| (provider, model)).ok_or_else(|| {
            format!("it can't be told whose model {model:?} is: write it as provider/model")
        })
    }

    fn base(&self, provider: &Provider, environment: &Environment) -> Result<Url, String> {
        let variable = environment.first(provider.base_variables).map(|(_, base)| base.to_owned());
        let said = self.base.clone().or(variable);
        let is_said = said.is_some();
        let text = match (said, provider.home) {
            (Some(base), _) => base,
            (None, Home::At(home) | Home::Here(home)) => home.to_owned(),
            (None, Home::Made(home)) => self.made(home, environment)?,
            (None, Home::Elsewhere | Home::Below(_)) => {
                let variables = match provider.base_variables {
                    [] => String::new(),
                    names => format!(", or set {}", names.join(" or ")),
                };
                return Err(format!(
                    "{} has no address of its own: say it here{variables}",
                    provider.name
                ));
            }
        };
        // What it says may hold a password, and is not repeated.
        let mut url = Url::parse(&text).map_err(|_| "it is not a URL".to_owned())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("it is not a URL of http or https".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "a user or a password in it is not sent: use api_key or extra_headers".to_owned()
            );
        }
        if is_said && url.path() == "/" {
            url.set_path(provider.path);
        }
        Ok(url)
    }

    /// A home with its places filled in.
    fn made(&self, home: &str, environment: &Environment) -> Result<String, String> {
        let slots: [(&str, &Option<String>, &str, &'static [&'static str]); 4] = [
            ("{region}", &self.region, "aws_region_name", REGION),
            ("{location}", &self.location, "vertex_location", LOCATION),
            ("{project}", &self.project, "vertex_project", PROJECT),
            ("{account}", &None, "api_base", ACCOUNT),
        ];
        let mut text = home.to_owned();
        for (slot, said, key, variables) in slots {
            if !text.contains(slot) {
                continue;
            }
            let variable = || environment.first(variables).map(|(_, value)| value.to_owned());
            let value = said.clone().or_else(variable).ok_or_else(|| {
                format!("it is made of what {key} says: say it, or set {}", variables.join(" or "))
            })?;
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if value.is_empty() || !value.chars().all(fits) {
                return Err(format!("{key} has other than letters, digits, - and _"));
            }
            text = text.replace(slot, &value);
        }
        Ok(text.replace("https://global-aiplatform.", "https://aiplatform."))
    }

    /// What the entry says, else the variable's, where the provider itself or a place that the
    /// operator says for it is the one who gets it. A token of Entra ID's is Azure's alone.
    fn key(&self, provider: &Provider, base: &Url, environment: &Environment) -> Option<FoundKey> {
        let token = self.token.as_ref().filter(|_| provider.key != KeyHeader::Bearer);
        if let Some(key) = self.key.as_ref().or(token) {
            return Some(key.clone());
        }
        let (name, text) = environment.first(provider.key_variables)?;
        let goes = !provider.has_home() || goes_home(provider, base);
        (goes && may_go_to(name, base)).then(|| FoundKey {
            text: text.to_owned(),
            name: name.to_owned(),
            place: Place { file: 0, line: 1 },
            is_token: name == providers::AD_TOKEN,
        })
    }

    fn version(&self, provider: &Provider, environment: &Environment) -> Option<String> {
        let is_openai = provider.urls == Urls::AzureOpenAi;
        let variable = || environment.var("AZURE_API_VERSION").filter(|_| is_openai);
        self.version.clone().or_else(|| variable().map(ToOwned::to_owned))
    }
}

fn goes_home(provider: &Provider, base: &Url) -> bool {
    base.scheme() == "https" && base.host_str().is_some_and(|host| provider.owns(host))
}

/// Whether what this variable holds may go there: not where both are known, and of two companies.
fn may_go_to(variable: &str, base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default().trim_end_matches('.');
    let mut owners = providers::owners(host).peekable();
    !providers::is_key_variable(variable)
        || owners.peek().is_none()
        || owners.any(|owner| owner.key_variables.contains(&variable))
}

/// Says it where a variable's key is kept back.
fn warn_of_key(
    provider: &Provider,
    base: &Url,
    has_key: bool,
    (place, path): (Place, &str),
    report: &mut Report,
) {
    let variable = report.environment.first(provider.key_variables);
    if let (Some((name, _)), false) = (variable, has_key) {
        let host = base.host_str().unwrap_or_default();
        let what = format!(
            "{path}: {name} is not sent to {host}, which is not {}'s: say api_key if it belongs there",
            provider.name
        );
        report.warn(place, what);
    }
}

fn key(params: &mut Section<'_>, name: &str, report: &mut Report) -> Option<FoundKey> {
    let mut at = None;
    let text = params.read(name, report, |node: &Node, environment| {
        at = Some(node);
        super::section::text(node, environment)
    })?;
    let node = at?;
    let written = match &node.value {
        Value::Scalar(scalar) => reference(&scalar.text).unwrap_or_default(),
        _ => "",
    };
    Some(FoundKey { text, name: written.to_owned(), place: node.place, is_token: false })
        .filter(|key| !key.text.is_empty())
}

fn named_provider<'a>(
    prefix: &str,
    rest: &'a str,
    model: &str,
) -> Result<(&'static Provider, &'a str), String> {
    if let Some(why) = providers::why_unserved(prefix) {
        return Err(format!(
            "{model:?}: {prefix} {why}; this gateway speaks OpenAI's protocol with a key"
        ));
    }
    let provider = providers::find(prefix).ok_or_else(|| {
        format!(
            "{model:?}: there is no provider {prefix:?} (openai/ with an api_base reaches any endpoint that \
             speaks OpenAI's protocol)"
        )
    })?;
    let route = |rest: &'a str| {
        provider.model_routes.iter().find_map(|route| rest.strip_prefix(route)).unwrap_or(rest)
    };
    match route(rest) {
        "" => Err(format!("{model:?} names no model of {}", provider.name)),
        rest => Ok((provider, rest)),
    }
}

fn named(provider: &Provider, model: &str) -> String {
    if model.contains('/') { model.to_owned() } else { format!("{}{model}", provider.model_prefix) }
}

fn endpoint(provider: &Provider, base: Url, version: Option<&str>) -> ProviderEndpoint {
    match provider.urls {
        Urls::Plain => ProviderEndpoint::plain(base).with(provider.elsewhere),
        Urls::AzureOpenAi => ProviderEndpoint::azure(base, version.unwrap_or(AZURE_VERSION)),
        Urls::AzureFoundry => ProviderEndpoint::foundry(base, version),
    }
}

fn header(
    provider: &Provider,
    base: &Url,
    key: &FoundKey,
) -> Result<(HeaderName, HeaderValue), http::header::InvalidHeaderValue> {
    let is_azure = |host: &str| host.ends_with(".azure.com");
    let by_key = match provider.key {
        KeyHeader::Bearer => false,
        KeyHeader::ApiKey => !key.is_token,
        KeyHeader::ByHost => !key.is_token && base.host_str().is_some_and(is_azure),
    };
    let (name, text) = match by_key {
        true => (HeaderName::from_static("api-key"), key.text.clone()),
        false => (AUTHORIZATION, format!("Bearer {}", key.text)),
    };
    sensitive(name, &text)
}

fn sensitive(
    name: HeaderName,
    text: &str,
) -> Result<(HeaderName, HeaderValue), http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok((name, value))
}
