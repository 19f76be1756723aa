//! How many deployments can be made.

use std::sync::atomic::{AtomicI64, Ordering};

use quota_api::Code;

use crate::http::{Api, Failure};

/// Room for deployments, as this server last counted it: those that are removed, or made elsewhere,
/// are seen when none is left.
pub struct DeploymentRoom {
    most: u32,
    left: AtomicI64,
}

impl DeploymentRoom {
    /// So many in all.
    #[must_use]
    pub const fn new(most: u32) -> Self {
        Self { most, left: AtomicI64::new(0) }
    }

    fn take(&self) -> bool {
        let one = |left: i64| (left > 0).then(|| left - 1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one).is_ok()
    }

    fn recount(&self, there: usize) {
        let there = i64::try_from(there).unwrap_or(i64::MAX);
        self.left.store(i64::from(self.most).saturating_sub(there), Ordering::Relaxed);
    }
}

impl Api {
    /// Takes room for a deployment that is to be made.
    pub(super) async fn room_for_another(&self) -> Result<(), Failure> {
        if self.deployment_room.take() {
            return Ok(());
        }
        self.deployment_room.recount(self.ledger.deployments().await?.len());
        if self.deployment_room.take() {
            return Ok(());
        }
        let detail =
            format!("there are {} deployments, the most there may be", self.deployment_room.most);
        Err(Failure::new(Code::TooManyDeployments, detail))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use quota_api::Code;
    use serde_json::json;

    use crate::http::testing::{DEPLOYMENTS, World, request};

    #[tokio::test]
    async fn no_more_are_made_and_those_there_are_can_be_changed() {
        let world = World::new().await;
        let put = async |number: u32| {
            world.put(&format!("/v1/deployments/{number}"), &json!({"tpm_limit": 5})).await
        };
        for number in 0..DEPLOYMENTS {
            assert_eq!(put(number).await.status, 201);
        }
        put(DEPLOYMENTS).await.problem(Code::TooManyDeployments);
        assert_eq!(put(0).await.status, 200);
        assert_eq!(world.send(request(Method::DELETE, "/v1/deployments/0", "")).await.status, 204);
        assert_eq!(put(DEPLOYMENTS).await.status, 201);
    }
}
