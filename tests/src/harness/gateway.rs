//! A gateway as a process, with a LiteLLM configuration.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    HarnessError, Process, binaries, ports,
    process::{Launch, write},
};

/// An entry of a `model_list`: a model group's way to one deployment.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// The model that clients ask for.
    pub group: String,
    /// The deployment's id, and the key that its requests carry to the upstream.
    pub deployment: String,
    /// The model at the provider.
    pub model: String,
    /// Tokens a minute, as the gateway's own configuration has them.
    pub tpm: Option<u64>,
    /// Requests a minute, likewise.
    pub rpm: Option<u64>,
    /// Where it is, instead of at the site's upstream.
    pub base: Option<String>,
}

impl Route {
    fn entry(&self, upstream_url: &str) -> Value {
        let mut parameters = json!({
            "model": format!("openai/{}", self.model),
            "api_base": self.base.clone().unwrap_or_else(|| format!("{upstream_url}/v1")),
            "api_key": self.deployment,
        });
        for (name, limit) in [("tpm", self.tpm), ("rpm", self.rpm)] {
            if let Some(limit) = limit {
                parameters[name] = json!(limit);
            }
        }
        json!({"model_name": self.group, "litellm_params": parameters,
            "model_info": {"id": self.deployment}})
    }
}

/// How a gateway is to be started.
#[derive(Debug, Clone)]
pub struct GatewayBuilder {
    holder: String,
    quota_url: String,
    upstream_url: String,
    routes: Vec<Route>,
    entries: Vec<Value>,
    router_settings: Value,
    flags: Vec<String>,
}

/// A gateway that runs, or ran.
#[derive(Debug)]
pub struct Gateway {
    /// Its process.
    pub process: Process,
    launch: Launch,
    _room: TempDir,
}

impl Gateway {
    /// A gateway between this quota server and this upstream.
    #[must_use]
    pub fn builder(holder: &str, quota_url: &str, upstream_url: &str) -> GatewayBuilder {
        GatewayBuilder {
            holder: holder.to_owned(),
            quota_url: quota_url.to_owned(),
            upstream_url: upstream_url.to_owned(),
            routes: Vec::new(),
            entries: Vec::new(),
            router_settings: Value::Null,
            flags: Vec::new(),
        }
    }

    /// Once it has ended: starts it again, on the same port.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_again(&mut self) -> Result<(), HarnessError> {
        self.process = self.launch.start().await?;
        Ok(())
    }
}

impl GatewayBuilder {
    /// Entries of its `model_list`.
    #[must_use]
    pub fn routes(mut self, routes: &[Route]) -> Self {
        self.routes.extend_from_slice(routes);
        self
    }

    /// An entry of its `model_list`, as LiteLLM's users write it.
    #[must_use]
    pub fn entry(mut self, entry: Value) -> Self {
        self.entries.push(entry);
        self
    }

    /// Its `router_settings`.
    #[must_use]
    pub fn router_settings(mut self, settings: &Value) -> Self {
        self.router_settings = settings.clone();
        self
    }

    /// A flag of its own, as `--name=value`.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(self) -> Result<Gateway, HarnessError> {
        let room = TempDir::new().map_err(HarnessError::io("a temporary folder"))?;
        let config = room.path().join("config.yaml");
        write(&config, &format!("{:#}", self.config()))?;
        let mut arguments = vec![
            "--listen".into(),
            ports::free_address()?.to_string().into(),
            "--config".into(),
            config.into_os_string(),
            "--quota-url".into(),
            self.quota_url.into(),
            "--holder".into(),
            self.holder.clone().into(),
        ];
        arguments.extend(self.flags.into_iter().map(Into::into));
        let launch = Launch {
            name: self.holder,
            program: binaries::path("openai-gateway").await?,
            arguments,
            log: room.path().join("gateway.log"),
        };
        let process = launch.start().await?;
        Ok(Gateway { process, launch, _room: room })
    }

    /// JSON is YAML.
    fn config(&self) -> Value {
        let entries = self.routes.iter().map(|route| route.entry(&self.upstream_url));
        let entries: Vec<_> = entries.chain(self.entries.iter().cloned()).collect();
        let mut config = json!({ "model_list": entries });
        if self.router_settings.is_object() {
            config["router_settings"] = self.router_settings.clone();
        }
        config
    }
}
