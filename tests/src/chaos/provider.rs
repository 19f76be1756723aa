//! A deployment's provider: the upstream, asked in the deployment's name.

use serde_json::json;

use crate::harness::Upstream;

/// Where what was drawn from one deployment is used.
#[derive(Debug)]
pub(super) struct Provider {
    http: reqwest::Client,
    url: String,
    key: &'static str,
}

impl Provider {
    pub(super) fn of(upstream: &Upstream, deployment: &'static str) -> Self {
        let url = format!("{}/v1/embeddings", upstream.process.url());
        Self { http: reqwest::Client::new(), url, key: deployment }
    }

    /// Sends a request of so many tokens. What does not arrive is missing in the audit, which is
    /// noticed there.
    pub(super) async fn send(&self, tokens: u64) {
        let input = (0..tokens).map(|_| json!(1)).collect::<Vec<_>>();
        let input = if tokens == 0 { json!("") } else { json!(input) };
        let body = json!({"model": "text-embedding-3-small", "input": input});
        let sent = self.http.post(&self.url).bearer_auth(self.key).json(&body).send().await;
        drop(sent);
    }
}
