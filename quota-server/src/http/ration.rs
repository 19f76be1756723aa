//! How many leases a credential may ask for, so that none fills the memory: a lease takes some
//! until its window is over (in Redis for 15 minutes), also if nothing of it is drawn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// What each credential has asked for in its minute. There are as many as credentials are known.
pub struct Rations {
    most: u32,
    by_credential: Mutex<HashMap<Arc<str>, Minute>>,
}

struct Minute {
    began: Instant,
    asked: u32,
}

impl Rations {
    /// So many a minute for each credential.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self { most, by_credential: Mutex::default() }
    }

    /// Takes so many, or none.
    ///
    /// # Errors
    /// They are too many in this minute: when the next one begins.
    pub(super) fn take(
        &self,
        credential: &Arc<str>,
        count: usize,
        now: Instant,
    ) -> Result<(), Duration> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let mut all = self.by_credential.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(minute) = all.get_mut(credential) else {
            let minute = Minute { began: now, asked: 0 };
            return all.entry(Arc::clone(credential)).or_insert(minute).take(count, self.most, now);
        };
        minute.take(count, self.most, now)
    }
}

impl Minute {
    fn take(&mut self, count: u32, most: u32, now: Instant) -> Result<(), Duration> {
        let elapsed = now.duration_since(self.began);
        if elapsed >= MINUTE {
            *self = Self { began: now, asked: 0 };
        }
        let asked = self.asked.saturating_add(count);
        if asked > most {
            return Err(MINUTE.saturating_sub(elapsed));
        }
        self.asked = asked;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use quota_api::{BatchReply, Code};
    use serde_json::json;

    use super::*;
    use crate::http::testing::{World, request, wish, with_token};

    #[test]
    fn so_many_a_minute_each() {
        let (rations, now) = (Rations::new(10), Instant::now());
        let [one, other]: [Arc<str>; 2] = ["one".into(), "other".into()];
        rations.take(&one, 10, now).unwrap();
        let soon = now + Duration::from_secs(20);
        assert_eq!(rations.take(&one, 1, soon), Err(Duration::from_secs(40)));
        rations.take(&other, 5, soon).unwrap();
        rations.take(&one, 0, soon).unwrap();
        rations.take(&one, 10, now + MINUTE).unwrap();
        assert!(rations.take(&other, usize::MAX, soon).is_err());
        rations.take(&other, 5, soon).unwrap();
    }

    #[tokio::test]
    async fn who_asks_for_too_many_can_still_give_back() {
        let world = World::with_roles().await.with_deployment().await;
        let post = |path: &str, token: &str, body: &serde_json::Value| {
            with_token(request(http::Method::POST, path, &body.to_string()), token)
        };
        let first = world.send(post("/v1/leases", "gateway", &wish("r", 10))).await;
        let lease: quota_api::Lease = first.done(201);
        for number in 1..crate::http::testing::RATION {
            let answer = post("/v1/leases", "gateway", &wish(&format!("r{number}"), 1));
            assert_ne!(world.send(answer).await.text.find("lease_id"), None);
        }
        let refused = world.send(post("/v1/leases", "gateway", &wish("s", 1))).await;
        assert!(refused.problem(Code::TooManyLeases).retry_after_ms.unwrap() <= 60_000);
        let mut item = wish("t", 1);
        item.as_object_mut().unwrap().remove("holder");
        let back = json!({"lease_id": lease.lease_id, "tokens": 10, "requests": 1});
        let batch = json!({"holder": "h", "acquire": [item], "give_back": [back]});
        let answer = world.send(post("/v1/leases/batch", "gateway", &batch)).await;
        let reply: BatchReply = answer.done(200);
        assert_eq!(reply.give_back[0].status, 200);
        assert_eq!(reply.acquire[0].problem.as_ref().unwrap().code, Code::TooManyLeases);
        assert_eq!(world.send(post("/v1/leases", "other", &wish("r", 1))).await.status, 201);
    }
}
