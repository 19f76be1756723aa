//! Somebody who asks for one token again and again, at any server that answers, and writes down when
//! it was granted: so long was the service away.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::json;

use crate::clock;

/// Between two questions.
const SPACE: Duration = Duration::from_millis(20);
/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_millis(400);

/// When tokens were granted, in ms since 1970.
#[derive(Debug, Default)]
pub(super) struct Probe {
    granted: Mutex<Vec<u64>>,
    denied: Mutex<Vec<u64>>,
}

impl Probe {
    /// Asks until it is dropped.
    pub(super) async fn ask(&self, urls: Vec<String>, deployment: &str) {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().expect("plain settings");
        let mut server = 0;
        for number in 0_u64.. {
            let url = format!("{}{}", urls[server % urls.len()], quota_api::routes::LEASES);
            let body = json!({
                "deployment": deployment,
                "holder": "probe/1",
                "request_id": format!("probe-{number}"),
                "tokens": {"min": 1, "want": 1},
                "requests": {"min": 1, "want": 1},
            });
            match http.post(url).json(&body).send().await {
                Ok(answer) if answer.status().is_success() => enter(&self.granted),
                Ok(answer) if answer.status().as_u16() == 429 => enter(&self.denied),
                _ => server += 1,
            }
            tokio::time::sleep(SPACE).await;
        }
    }

    /// Whether a token was granted at this moment or later.
    pub(super) fn has_granted_since(&self, unix_ms: u64) -> bool {
        let granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.last().is_some_and(|at| *at >= unix_ms)
    }

    /// The longest time without a grant that reaches beyond this moment, in ms.
    pub(super) fn longest_gap_since(&self, unix_ms: u64) -> u64 {
        let granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        let gaps = granted.windows(2).filter(|pair| pair[1] >= unix_ms);
        gaps.map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// How long it was denied since this moment, from the first denial to the last, in ms.
    pub(super) fn denied_for_since(&self, unix_ms: u64) -> u64 {
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let since = denied.iter().copied().filter(|at| *at >= unix_ms);
        let (first, last) = (since.clone().min(), since.max());
        last.unwrap_or_default() - first.unwrap_or_default()
    }
}

fn enter(moments: &Mutex<Vec<u64>>) {
    moments.lock().unwrap_or_else(PoisonError::into_inner).push(clock::unix_ms());
}
