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

    /// Draws without waiting; a deployment without limits has nothing to draw from. One that is
    /// known to have no room isn't asked: it would count as one more denial, while the next may
    /// take the request.
    pub(super) fn try_draw(&self, need: &Need) -> Option<Drawn> {
        let Some(quota) = &self.quota else {
            return Some(None);
        };
        let amount = need.amount(self.encoding);
        if !quota.accepts(amount) {
            return None;
        }
        quota.try_draw(amount).ok().map(Some)
    }

    /// Draws, and waits for a refill as long as the client is set to.
    pub(super) async fn draw(&self, need: &Need) -> Result<Drawn, Denial> {
        let Some(quota) = &self.quota else {
            return Ok(None);
        };
        let permit = quota.draw(need.amount(self.encoding)).await?;
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
