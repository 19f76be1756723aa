//! Deployments of which the server says whether there are any.

use std::time::Duration;

use gateway_client::Reason;

use crate::fake::{Fake, Mood};
use crate::{LONG, tokens};

#[tokio::test]
async fn where_the_server_says_whether_there_are_limits() {
    let fake = Fake::start(100).await;
    fake.is(Mood::Away);
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    let denied = deployment.draw_if_known(tokens(1), LONG).await.unwrap_err();
    assert_eq!(denied.reason, Reason::NoServer, "it has not said anything");
    fake.is(Mood::Empty);
    let passed = loop {
        match deployment.draw_if_known(tokens(200), LONG).await {
            Ok(passed) => break passed,
            Err(denied) => tokio::time::sleep(denied.retry_after).await,
        }
    };
    assert!(passed.is_none(), "of nothing nothing is drawn");
    // What it said last holds while it is away: draws neither wait nor are denied, however long
    // that is.
    fake.is(Mood::Away);
    let asks = fake.book().asks().count();
    while fake.book().asks().count() < asks + 2 {
        assert!(deployment.draw_if_known(tokens(200), LONG).await.unwrap().is_none());
        assert!(deployment.is_unknown(tokens(200)));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It is asked again and again, at its own time, and draws are as of any deployment once there
    // is one.
    fake.is(Mood::Well);
    let denied = loop {
        match deployment.draw_if_known(tokens(101), LONG).await {
            Ok(passed) => assert!(passed.is_none()),
            Err(denied) => break denied,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(denied.reason, Reason::NeverFits);
    assert!(!deployment.is_unknown(tokens(1)));
    assert!(deployment.draw_if_known(tokens(100), LONG).await.unwrap().is_some());
    // And it is deleted.
    fake.is(Mood::Empty);
    while deployment.draw_if_known(tokens(1), LONG).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.shutdown().await.unwrap();
}
