//! A change of a deployment is written down before it is made, and what came of it after.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use quota_api::Code;
use serde_json::Value;
use tokio::time::timeout;

use crate::audit::{Author, Change};
use crate::http::{Api, Failure, wire};

impl Api {
    /// Makes a change, if it can be written down; also when its caller goes away.
    pub(super) async fn audited<T: Send + 'static>(
        self: &Arc<Self>,
        author: &Author,
        action: &'static str,
        deployment: Arc<str>,
        after: Value,
        change: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let before = match self.ledger.deployment(Arc::clone(&deployment)).await? {
            Some(stored) => serde_json::to_value(wire::shown(&stored)?),
            None => Ok(Value::Null),
        };
        let before = before.map_err(|_| Failure::internal())?;
        let asked = Change { action, deployment, before, after };
        let (api, author) = (Arc::clone(self), author.clone());
        self.changes
            .run(async move {
                let asked = api.audit.asked(&author, &asked).await?;
                let changed = api.to_its_end(change).await;
                let problem = changed.as_ref().err().map(|why| why.problem().code.as_str());
                api.audit.ended(asked, problem.unwrap_or("done")).await;
                changed
            })
            .await
    }

    /// What came of a change, also if it panics or its time is over: then it may have been made.
    async fn to_its_end<T>(
        &self,
        change: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match timeout(self.request, AssertUnwindSafe(change).catch_unwind()).await {
            Ok(Ok(changed)) => changed,
            Ok(Err(_panic)) => Err(Failure::internal()),
            Err(_elapsed) => {
                Err(Failure::new(Code::LedgerUnavailable, "the ledger did not answer in time"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use http::Method;
    use quota_api::Code;
    use serde_json::json;

    use crate::http::testing::{World, request, with_token};

    const PATH: &str = "/v1/deployments/n";

    fn put(limit: u64) -> Request {
        let mut put = request(Method::PUT, PATH, &json!({"tpm_limit": limit}).to_string());
        put.headers_mut().insert("x-request-id", "r-7".parse().unwrap());
        with_token(put, "admin")
    }

    fn delete(token: &str) -> Request {
        with_token(request(Method::DELETE, PATH, ""), token)
    }

    #[tokio::test]
    async fn who_did_what_and_what_came_of_it() {
        let world = World::with_roles().await;
        assert_eq!(world.send(put(5)).await.status, 201);
        assert_eq!(world.send(put(6)).await.status, 200);
        let mut stale = delete("admin");
        stale.headers_mut().insert("if-match", "\"99\"".parse().unwrap());
        world.send(stale).await.problem(Code::PreconditionFailed);
        assert_eq!(world.send(delete("admin")).await.status, 204);
        world.send(delete("gateway")).await.problem(Code::Forbidden);
        let lines = world.audit_lines();
        let told = lines.iter().map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", line["change"], text("stage"), text("action"), text("outcome"))
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                "1 asked deployment.put -",
                "1 ended deployment.put done",
                "2 asked deployment.put -",
                "2 ended deployment.put done",
                "3 asked deployment.delete -",
                "3 ended deployment.delete precondition_failed",
                "4 asked deployment.delete -",
                "4 ended deployment.delete done",
                "5 refused - forbidden",
            ]
        );
        let second = &lines[2];
        for (name, value) in
            [("by", "admin"), ("role", "admin"), ("request_id", "r-7"), ("deployment", "n")]
        {
            assert_eq!(second[name], value);
        }
        assert_eq!(second["before"]["tpm_limit"], 5);
        assert_eq!(second["after"]["tpm_limit"], 6);
        assert_eq!(second["at"], "2025-11-14T00:00:10Z");
        assert!(lines[0]["before"].is_null() && lines[6]["after"].is_null());
    }

    #[tokio::test]
    async fn who_was_refused_what() {
        let world = World::with_roles().await;
        world.send(delete("viewer")).await.problem(Code::Forbidden);
        world.send(delete("nobody's")).await.problem(Code::Unauthenticated);
        let mut long = request(Method::GET, "/v1/deployments", "");
        long.headers_mut().insert("x-request-id", "x".repeat(1 << 16).parse().unwrap());
        let answer = world.send_raw(long).await;
        assert_eq!(answer.status(), 401);
        let lines = world.audit_lines();
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        assert_eq!(lines[2]["request_id"], id, "the server's own, not 64 KiB");
        let told = lines.iter().map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            ["stage", "by", "role", "method", "path", "outcome"].map(text).join(" ")
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                "refused viewer viewer DELETE /v1/deployments/n forbidden",
                "refused - - DELETE /v1/deployments/n unauthenticated",
                "refused - - GET /v1/deployments unauthenticated",
            ]
        );
        assert!(lines.iter().all(|line| line["left_out"] == 0));
    }

    #[tokio::test]
    async fn a_change_whose_caller_hangs_up_is_made_and_accounted_for() {
        let world = World::with_roles().await;
        for limit in 1..=20 {
            let mut sending = Box::pin(world.send_raw(put(limit)));
            while !world.api.changes.are_under_way()
                && futures_util::poll!(sending.as_mut()).is_pending()
            {
                tokio::task::yield_now().await;
            }
            drop(sending);
            world.api.changes.settled().await;
        }
        let lines = world.audit_lines();
        let stage = |name: &str| lines.iter().filter(|line| line["stage"] == name).count();
        assert_eq!((stage("asked"), stage("ended")), (20, 20));
        let read = with_token(request(Method::GET, PATH, ""), "admin");
        let stands: quota_api::Deployment = world.send(read).await.done(200);
        let last = lines.iter().rfind(|line| line["stage"] == "asked").unwrap();
        assert_eq!(last["after"]["tpm_limit"], stands.spec.tpm_limit.unwrap());
    }

    #[tokio::test]
    async fn what_cannot_be_written_down_is_not_done() {
        let world = World::with_roles().await;
        world.break_audit();
        world.send(put(5)).await.problem(Code::AuditUnavailable);
        let read = with_token(request(Method::GET, PATH, ""), "admin");
        world.send(read).await.problem(Code::DeploymentNotFound);
    }
}
