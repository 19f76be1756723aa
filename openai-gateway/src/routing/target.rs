use std::time::Duration;

use gateway_client::{Deployment, Permit, QuotaClient};
use http::HeaderValue;
use reqwest::Url;

use super::{Denial, Need};
use crate::config::DeploymentConfig;
use crate::metrics::DeploymentMetrics;
use crate::tokens::Encoding;

/// One deployment, ready to be called.
pub struct Target {
    /// Its id, as a header's value.
    pub id: HeaderValue,
    /// What its endpoint calls the model.
    pub model: String,
    /// How its tokens are counted.
    pub encoding: Encoding,
    /// Where chat requests go.
    pub chat: Url,
    /// Where embedding requests go.
    pub embeddings: Url,
    /// `Bearer` and its key.
    pub authorization: Option<HeaderValue>,
    /// How long it may take to answer, or in a stream to say the next thing.
    pub timeout: Duration,
    /// What is counted about it.
    pub metrics: DeploymentMetrics,
    /// Its quota; one without limits has none.
    pub quota: Option<Deployment>,
}

/// What was drawn; nothing from a deployment without limits.
pub(super) type Drawn = Option<Permit>;

/// A deployment whose name or key can't stand in a header.
#[derive(Debug, thiserror::Error)]
#[error("the {what} of the deployment {id:?} has characters that a header can't carry")]
pub struct UnfitForHeader {
    what: &'static str,
    id: String,
}

impl Target {
    /// Prepares a deployment.
    ///
    /// # Errors
    /// Its id or its key can't stand in a header.
    pub fn new(config: &DeploymentConfig, client: &QuotaClient) -> Result<Self, UnfitForHeader> {
        let unfit = |what| UnfitForHeader { what, id: config.id.clone() };
        Ok(Self {
            id: HeaderValue::from_str(&config.id).map_err(|_| unfit("id"))?,
            model: config.model.clone(),
            encoding: Encoding::of_model(&config.model),
            chat: endpoint(&config.base, "chat/completions"),
            embeddings: endpoint(&config.base, "embeddings"),
            authorization: authorization(config).map_err(|_| unfit("api_key"))?,
            timeout: config.timeout,
            metrics: DeploymentMetrics::new(&config.model_group, &config.id),
            quota: config.limits.map(|_| client.deployment(&config.id)),
        })
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

/// `api_base` and the path, whether it ends in a slash or not; a query stays.
fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

fn authorization(
    config: &DeploymentConfig,
) -> Result<Option<HeaderValue>, http::header::InvalidHeaderValue> {
    let Some(key) = &config.api_key else {
        return Ok(None);
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_appended_to_the_base() {
        for (base, chat) in [
            ("http://a/v1", "http://a/v1/chat/completions"),
            ("http://a/v1/", "http://a/v1/chat/completions"),
            ("http://a", "http://a/chat/completions"),
            ("http://a/v1?tenant=5", "http://a/v1/chat/completions?tenant=5"),
        ] {
            let base = Url::parse(base).unwrap();
            assert_eq!(endpoint(&base, "chat/completions").as_str(), chat);
        }
    }
}
