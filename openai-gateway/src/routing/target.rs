use std::borrow::Cow;
use std::time::Duration;

use gateway_client::{Deployment, Permit, QuotaClient};
use http::{HeaderMap, HeaderValue};

use super::{Denial, Need};
use crate::config::{BodyRules, CallUrl, DeploymentConfig, Pattern, model_for};
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
    /// Where chat requests go.
    pub chat: CallUrl,
    /// Where embedding requests go.
    pub embeddings: CallUrl,
    /// Its key, and what else goes with each request.
    pub headers: HeaderMap,
    /// What is changed in bodies.
    pub body: BodyRules,
    /// How long it may take to answer, or in a stream to say the next thing.
    pub timeout: Duration,
    /// What is counted about it.
    pub metrics: DeploymentMetrics,
    /// Its quota; one without limits has none.
    pub quota: Option<Deployment>,
}

/// What was drawn; nothing from a deployment without limits.
pub(super) type Drawn = Option<Permit>;

/// A deployment whose name can't stand in a header.
#[derive(Debug, thiserror::Error)]
#[error("the id of the deployment {0:?} has characters that a header can't carry")]
pub struct UnfitForHeader(String);

impl Target {
    /// Prepares a deployment.
    ///
    /// # Errors
    /// Its id can't stand in a header.
    pub fn new(config: &DeploymentConfig, client: &QuotaClient) -> Result<Self, UnfitForHeader> {
        let unfit = |_| UnfitForHeader(config.id.clone());
        let model = Some(config.model.as_str()).filter(|_| config.pattern.is_none());
        Ok(Self {
            id: HeaderValue::from_str(&config.id).map_err(unfit)?,
            pattern: config.pattern.clone(),
            model: config.model.clone(),
            encoding: Encoding::of_model(&config.model),
            chat: config.endpoint.call("chat/completions", model),
            embeddings: config.endpoint.call("embeddings", model),
            headers: config.headers.clone(),
            body: config.body.clone(),
            timeout: config.timeout,
            metrics: DeploymentMetrics::new(&config.model_group, &config.id),
            quota: config.limits.map(|_| client.deployment(&config.id)),
        })
    }

    /// What its endpoint calls the model that a caller asked for by this name.
    #[must_use]
    pub fn model_for(&self, requested: &str) -> Cow<'_, str> {
        model_for(self.pattern.as_ref(), &self.model, requested)
    }

    /// Draws from what is in hand; a deployment without limits has nothing to draw from. One that has no
    /// room asks for none: the next may take the request.
    pub(super) fn draw_in_hand(&self, need: &Need) -> Option<Drawn> {
        let Some(quota) = &self.quota else {
            return Some(None);
        };
        quota.draw_in_hand(need.amount(self.encoding)).map(Some)
    }

    /// How long a draw waits for a refill.
    pub(super) fn max_wait(&self) -> Duration {
        self.quota.as_ref().map(Deployment::max_wait).unwrap_or_default()
    }

    /// Draws, and waits for a refill for so long at most.
    pub(super) async fn draw(&self, need: &Need, max_wait: Duration) -> Result<Drawn, Denial> {
        let Some(quota) = &self.quota else {
            return Ok(None);
        };
        let permit = quota.draw_within(need.amount(self.encoding), max_wait).await?;
        Ok(Some(permit))
    }
}
