//! Answers of a server that is newer than the client.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use gateway_client::api::{Batch, BatchReply};
use gateway_client::{Amount, Reason};
use serde_json::{Value, json};

use crate::fake::{Fake, Mood};

const LONG: Duration = Duration::from_secs(10);
const SIZE: Amount = Amount::new(10, 1);

/// What an acquire of `newer-..` is answered with, by the rest of its name.
fn newer(name: &str) -> Value {
    let problem = |status: u16| {
        let problem = json!({
            "type": "/problems/from_the_future", "title": "t", "status": status, "detail": "d",
            "code": "from_the_future", "state": "paused", "unit": "images", "usage": [],
        });
        json!({"status": status, "problem": problem, "advice": ["wait"]})
    };
    match name {
        "nonsense" => json!(["nonsense"]),
        "bare" => json!({"status": 451}),
        "created" => json!({"status": 207, "body": {"lease_id": 7}}),
        status => problem(status.parse().expect("a status")),
    }
}

/// The reply, with all that is newer in it.
pub(crate) fn answer(batch: &Batch, reply: &BatchReply) -> (StatusCode, Json<Value>) {
    let mut said = serde_json::to_value(reply).expect("it is JSON");
    said["weather"] = json!("fine");
    for list in ["acquire", "give_back", "used"] {
        let items = said[list].as_array_mut().expect("a list");
        items.iter_mut().for_each(grow);
        items.push(json!({"status": 201, "body": {}}));
    }
    for (at, ask) in batch.acquire.iter().enumerate() {
        if let Some(name) = ask.deployment.strip_prefix("newer-") {
            said["acquire"][at] = newer(name);
        }
    }
    (StatusCode::from_u16(207).expect("a status"), Json(said))
}

fn grow(item: &mut Value) {
    item["cost"] = json!(null);
    if let Some(lease) = item.get_mut("body") {
        lease["priority"] = json!({"class": "gold"});
        lease["state"] = json!("paused");
        lease["usage"]["images"] = json!({"limit": 4});
    }
}

#[tokio::test]
async fn what_is_new_about_one_deployment_takes_no_other_down() {
    let fake = Fake::start(10_000).await;
    fake.is(Mood::Newer);
    let client = fake.client().build().unwrap();
    let names = ["400", "418", "429", "499", "500", "529", "599", "nonsense", "bare", "created"];
    let newer = names.map(|name| client.deployment(&format!("newer-{name}")));
    let demo = client.deployment("demo");
    for _ in 0..20 {
        for deployment in &newer {
            let denied = deployment.draw_within(SIZE, Duration::from_millis(5)).await.unwrap_err();
            assert_ne!(denied.reason, Reason::NeverFits);
        }
        let permit = demo.draw_within(SIZE, LONG).await.unwrap();
        permit.settle(Amount::new(4, 1));
    }
    for (name, reason) in [("429", Reason::Exhausted), ("418", Reason::Refused)] {
        let deployment = client.deployment(&format!("newer-{name}"));
        let told = loop {
            let denied = deployment.draw_within(SIZE, LONG).await.unwrap_err();
            if denied.reason != Reason::Refilling {
                break denied;
            }
        };
        assert_eq!(told.reason, reason, "{name}");
    }
    drop(demo);
    fake.until(|book| book.used() == 80).await;
}

#[tokio::test]
async fn a_refusal_of_a_newer_kind_is_judged_by_its_status() {
    let problem = json!({"type": "x", "status": 403, "code": "from_the_future"});
    let problem: gateway_client::api::Problem = serde_json::from_value(problem).unwrap();
    assert!(!problem.code.is_retryable());
}
