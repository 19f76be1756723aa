//! Somebody who asks for one token again and again, at any server that answers, and writes down
//! when it was granted: so long was the service away.

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

/// What it was answered, and when, in ms since 1970.
#[derive(Debug, Default)]
pub(super) struct Probe(Mutex<Vec<(u64, Answer)>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Granted,
    /// Its limit is never reached, so nobody vouches for the window.
    Quarantined,
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
                Ok(answer) if answer.status().is_success() => self.enter(Answer::Granted),
                Ok(answer) => {
                    if is_quarantine(answer).await {
                        self.enter(Answer::Quarantined);
                    } else {
                        server += 1;
                    }
                }
                Err(_) => server += 1,
            }
            tokio::time::sleep(SPACE).await;
        }
    }

    /// Whether a token was granted at this moment or later.
    pub(super) fn has_granted_since(&self, unix_ms: u64) -> bool {
        self.moments(|answer| answer == Answer::Granted).last().is_some_and(|at| *at >= unix_ms)
    }

    /// When the first answer came at this moment or later.
    pub(super) fn first_answer_since(&self, unix_ms: u64) -> Option<u64> {
        self.moments(|_| true).into_iter().find(|at| *at >= unix_ms)
    }

    /// The longest time without a grant that reaches beyond this moment, in ms.
    pub(super) fn longest_gap_since(&self, unix_ms: u64) -> u64 {
        longest_gap(&self.moments(|answer| answer == Answer::Granted), unix_ms)
    }

    /// The longest time without any answer that reaches beyond this moment, in ms.
    pub(super) fn longest_silence_since(&self, unix_ms: u64) -> u64 {
        longest_gap(&self.moments(|_| true), unix_ms)
    }

    fn moments(&self, counts: impl Fn(Answer) -> bool) -> Vec<u64> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().filter(|(_, answer)| counts(*answer)).map(|(at, _)| *at).collect()
    }

    fn enter(&self, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((clock::unix_ms(), answer));
    }
}

/// Servers whose store is away say 503 too.
async fn is_quarantine(answer: reqwest::Response) -> bool {
    let problem = answer.json::<quota_api::Problem>().await;
    problem.is_ok_and(|problem| problem.code == quota_api::Code::Quarantined)
}

fn longest_gap(moments: &[u64], unix_ms: u64) -> u64 {
    let gaps = moments.windows(2).filter(|pair| pair[1] >= unix_ms);
    gaps.map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}
