use openai_gateway::config::{
    keys::{self, Key, Part, Treatment},
    providers::{self, Home, KeyHeader, Provider, Urls},
};

use super::markdown::{Markdown, code};

/// What becomes of a LiteLLM file: each of its keys, and each provider.
pub(super) fn page() -> String {
    let mut page = Markdown::default();
    page.paragraph(INTRODUCTION);
    page.heading(2, "Keys");
    page.paragraph(KEYS);
    for (part, title) in PARTS {
        page.heading(3, title);
        let rows = keys::all().filter(|key| key.part == *part);
        page.table(["key", "is", "what it does, or why not"], rows.map(key).collect());
    }
    page.heading(2, "Providers");
    page.paragraph(PROVIDERS);
    let rows = providers::all().iter().map(provider);
    page.table(["`model` begins with", "is", "is at", "its key", "peculiar"], rows.collect());
    page.heading(2, "Providers that are refused");
    page.paragraph(UNSERVED);
    let rows = providers::unserved().iter();
    let rows = rows.map(|(prefix, why)| [code(&format!("{prefix}/")), (*why).to_owned()]);
    page.table(["`model` begins with", "its provider"], rows.collect());
    page.finish("A LiteLLM file, key by key", "the tables that openai-gateway reads files by")
}

const INTRODUCTION: &str = "\
`openai-gateway check --config config.yaml` says of a file what this page says of all: what is ignored, and every mistake with its line. \
A gateway does not start with mistakes; with `--skip-unusable` it starts without the entries that have them.";

const KEYS: &str = "\
*Obeyed*: it does what it does in LiteLLM, or what stands beside it. *Ignored*: the start names it, and nothing else comes of it. *Refused*: \
a file that has it does not start, since what it asks for would be broken without a word. Any other key of `litellm_params` goes into the \
body of each request that does not have it, as with LiteLLM (`temperature`, `reasoning_effort`); any other key elsewhere is ignored. \
A number may be written in any way, and any single value may be `os.environ/NAME`.";

const PROVIDERS: &str = "\
This gateway speaks OpenAI's protocol, with a key, and Anthropic's with Anthropic. `api_base` leads elsewhere than to the address below; a base without a path gets the \
address's own path where that is not what its users write (`http://gpu:11434` for Ollama). The key is `api_key`, else the first of the variables that \
is set. A variable's key goes to its own provider's hosts alone, by https; those that have no address of their own have it sent to their \
base, unless that is another provider's host. An `api_key` that is the variable of one provider is a mistake at another's host. \
`azure/` takes `api_key` as `api-key`, `azure_ad_token` (or `AZURE_AD_TOKEN`) as a bearer's, which goes to Azure alone; the deployment stands in the path with an `api-version`, and with \
`api_version: v1` or `preview`, or a base that ends in `/openai/v1`, in the body. Vertex AI takes an access token, which lives for an hour: \
nobody signs in for it. Bedrock's and Vertex AI's endpoints of this protocol do not have all of their models: what they lack they answer themselves. A `model` \
without a provider is that of the company whose name it is (`gpt-4o`, `claude-opus-4-6`); what nobody can tell is refused.";

const UNSERVED: &str =
    "An entry with one of these, or with a prefix that LiteLLM does not know, is a mistake.";

const PARTS: &[(Part, &str)] = &[
    (Part::File, "The file"),
    (Part::Entry, "`model_list`, each entry"),
    (Part::Params, "`litellm_params`"),
    (Part::AdaptiveRouter, "`litellm_params.adaptive_router_config`"),
    (Part::Info, "`model_info`"),
    (Part::Credential, "`credential_list`, each entry"),
    (Part::Router, "`router_settings`"),
    (Part::StrategyArgs, "`router_settings.routing_strategy_args`"),
    (Part::Alias, "`router_settings.model_group_alias`, where an alias is more than a name"),
    (Part::Litellm, "`litellm_settings`"),
    (Part::General, "`general_settings`"),
    (Part::Quota, "`quota_server`"),
];

fn key(key: &Key) -> [String; 3] {
    let treatment = match key.treatment {
        Treatment::Obeyed => "obeyed",
        Treatment::Ignored => "ignored",
        Treatment::Refused => "**refused**",
    };
    [code(key.name), treatment.to_owned(), key.says.to_owned()]
}

fn provider(provider: &Provider) -> [String; 5] {
    let home = match provider.home {
        Home::At(home) | Home::Made(home) | Home::Here(home) => code(home),
        Home::Elsewhere | Home::Below(_) => "where `api_base` says".to_owned(),
    };
    let base = provider.base_variables.iter().map(|name| code(name));
    let home = [vec![home], base.collect()].concat().join(", or ");
    let keys: Vec<_> = provider.key_variables.iter().map(|name| code(name)).collect();
    let name = provider.name.to_owned();
    [code(&format!("{}/", provider.prefix)), name, home, keys.join(", "), peculiar(provider)]
}

fn peculiar(provider: &Provider) -> String {
    let mut peculiar = Vec::new();
    match provider.key {
        KeyHeader::Bearer => {}
        KeyHeader::ApiKey => peculiar.push("the header `api-key`".to_owned()),
        KeyHeader::ByHost => peculiar.push("the header `api-key` at Azure's hosts".to_owned()),
    }
    if provider.urls != Urls::Plain {
        peculiar.push("`api-version`".to_owned());
    }
    if provider.speaks_anthropic {
        peculiar.push("speaks Anthropic's protocol as well".to_owned());
    }
    for (call, path) in provider.elsewhere {
        peculiar.push(format!("{} is at {}", code(call), code(path)));
    }
    for field in provider.lacks {
        peculiar.push(match *field {
            "stream_options" => "a stream is not asked for its usage".to_owned(),
            "max_completion_tokens" => "it is sent as `max_tokens`".to_owned(),
            _ => continue,
        });
    }
    let dropped = provider.lacks.iter();
    let dropped =
        dropped.filter(|field| !["stream_options", "max_completion_tokens"].contains(field));
    let dropped: Vec<_> = dropped.map(|field| code(field)).collect();
    if !dropped.is_empty() {
        peculiar.push(format!("`drop_params` drops {}", dropped.join(", ")));
    }
    peculiar.join("; ")
}
