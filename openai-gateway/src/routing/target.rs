use std::borrow::Cow;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use reqwest::Url;

use crate::config::{BodyRules, CallUrl, DeploymentConfig, Pattern, model_for};
use crate::endpoints::{self, Dialect, Endpoint};
use crate::metrics::DeploymentMetrics;
use crate::tokens::Encoding;

/// One deployment, ready to be called.
pub struct Target {
    /// Its id, as a header's value.
    pub id: HeaderValue,
    /// The names that callers may call it by, where that is many.
    pub pattern: Option<Pattern>,
    /// What its endpoint calls the model; with a pattern it may have a `*` in it.
    pub model: String,
    /// How its tokens are counted.
    pub encoding: Encoding,
    /// Where calls go, by their endpoint's path.
    urls: Vec<(&'static str, CallUrl)>,
    /// Its key, and what else goes with each request.
    headers: HeaderMap,
    /// The same as Anthropic's protocol has it, where it speaks that.
    anthropic_headers: Option<HeaderMap>,
    /// What is changed in bodies.
    pub body: BodyRules,
    /// The output that a request is taken to allow that doesn't say, tokens.
    pub default_output: u64,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// How long it may take in a stream to begin, and then to say the next thing.
    pub stream_timeout: Duration,
    /// See [`Target::learn_no_stream_options`].
    refuses_stream_options: AtomicBool,
    /// What is counted about it.
    pub metrics: DeploymentMetrics,
}

/// A deployment whose name can't stand in a header.
#[derive(Debug, thiserror::Error)]
#[error("the id of the deployment {0:?} has characters that a header can't carry")]
pub struct UnfitForHeader(String);

impl Target {
    /// Prepares a deployment.
    ///
    /// # Errors
    /// Its id can't stand in a header.
    pub fn new(config: &DeploymentConfig) -> Result<Self, UnfitForHeader> {
        let unfit = |_| UnfitForHeader(config.id.clone());
        let model = Some(config.model.as_str()).filter(|_| config.pattern.is_none());
        Ok(Self {
            id: HeaderValue::from_str(&config.id).map_err(unfit)?,
            pattern: config.pattern.clone(),
            model: config.model.clone(),
            encoding: Encoding::of_model(&config.model),
            urls: endpoints::ALL
                .iter()
                .map(|endpoint| (endpoint.path, config.endpoint.call(endpoint.call(), model)))
                .collect(),
            headers: config.headers.clone(),
            anthropic_headers: config.anthropic_headers.clone(),
            body: config.body.clone(),
            default_output: config.default_output,
            timeout: config.timeout,
            stream_timeout: config.stream_timeout,
            refuses_stream_options: AtomicBool::new(false),
            metrics: DeploymentMetrics::new(&config.model_group, &config.id),
        })
    }

    /// What its endpoint calls the model that a caller asked for by this name.
    #[must_use]
    pub fn model_for(&self, requested: &str) -> Cow<'_, str> {
        model_for(self.pattern.as_ref(), &self.model, requested)
    }

    /// Where a call goes that names the model like this.
    ///
    /// # Panics
    /// The endpoint is none of [`endpoints::ALL`].
    #[must_use]
    pub fn url(&self, endpoint: &Endpoint, requested: &str) -> Url {
        let found = self.urls.iter().find(|(path, _)| *path == endpoint.path);
        let (_, url) = found.expect("every endpoint has its address");
        url.of(&self.model_for(requested))
    }

    /// What goes with each request of a protocol, its key too; `None` where it doesn't speak that.
    #[must_use]
    pub const fn headers(&self, dialect: Dialect) -> Option<&HeaderMap> {
        match dialect {
            Dialect::OpenAi => Some(&self.headers),
            Dialect::Anthropic => self.anthropic_headers.as_ref(),
        }
    }

    /// From now on its streams aren't asked for their usage: it took one without `stream_options`
    /// that it had refused with it.
    pub fn learn_no_stream_options(&self) {
        self.refuses_stream_options.store(true, Relaxed);
        tracing::info!(deployment = ?self.id, "takes no stream_options: not sent any more");
    }

    /// Whether its streams may be asked for their usage.
    #[must_use]
    pub fn takes_stream_options(&self) -> bool {
        self.body.asks_usage && !self.refuses_stream_options.load(Relaxed)
    }
}
