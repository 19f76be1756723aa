//! The client against servers that misbehave on request.

mod fake;
mod future;
mod servers;
mod unknown;

use std::time::Duration;

use fake::{Fake, Mood};
use gateway_client::api::{Code, DeploymentSpec, State, Unit};
use gateway_client::{Amount, BuildError, CallError, QuotaClient, Reason, ShutdownError};

const fn tokens(tokens: u64) -> Amount {
    Amount::new(tokens, 1)
}

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn draws_come_out_of_a_lease_without_the_network() {
    let fake = Fake::start(1_000).await;
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    deployment.draw_within(tokens(100), LONG).await.unwrap().cancel();
    let said = fake.book().batches.len();
    // No await from here on, so nothing can have been sent.
    let permit = deployment.try_draw(tokens(60)).unwrap();
    assert_eq!(permit.amount(), tokens(60));
    permit.settle(tokens(40));
    assert!(deployment.accepts(tokens(60)) && deployment.accepts(tokens(61)));
    assert_eq!(deployment.view().free, Amount::new(60, 0));
    assert_eq!(fake.book().batches.len(), said);
}

#[tokio::test]
async fn shutdown_gives_everything_back_and_ends_draws() {
    let fake = Fake::start(1_000).await;
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    let first = deployment.draw_within(tokens(100), LONG).await.unwrap();
    deployment.draw_within(tokens(200), LONG).await.unwrap().cancel();
    first.settle(tokens(70));
    client.shutdown().await.unwrap();
    fake.until(|book| (book.outstanding(), book.used()) == (70, 70)).await;
    let denied = deployment.try_draw(tokens(1)).unwrap_err();
    assert_eq!(denied.reason, Reason::Closed);
    let denied = deployment.draw_within(tokens(1), LONG).await.unwrap_err();
    assert_eq!(denied.reason, Reason::Closed);
    for deployment in [deployment, client.deployment("late")] {
        let denied = deployment.draw_within(tokens(1), LONG).await.unwrap_err();
        assert_eq!((denied.reason, denied.retry_after), (Reason::Closed, Duration::ZERO));
        assert_eq!(deployment.view().denied_for, Some(Duration::MAX));
    }
    client.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_settled_while_a_client_shuts_down_is_told() {
    let fake = Fake::start(1_000).await;
    let client = fake.client().shutdown_timeout(LONG).build().unwrap();
    let deployment = client.deployment("demo");
    let permit = deployment.draw_within(tokens(100), LONG).await.unwrap();
    let ends = async {
        while deployment.try_draw(tokens(1)).map(drop).map_err(|denied| denied.reason)
            != Err(Reason::Closed)
        {
            tokio::task::yield_now().await;
        }
        permit.settle(tokens(30));
    };
    let (said, ()) = tokio::join!(client.shutdown(), ends);
    assert_eq!(said, Ok(()));
    let book = fake.book();
    assert_eq!((book.used(), book.outstanding()), (30, 30));
}

#[test]
fn a_client_whose_runtime_ended_says_so() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let home = runtime();
    let (client, deployment) = home.block_on(async {
        let client = Fake::start(1_000).await.client().build().unwrap();
        let deployment = client.deployment("demo");
        deployment.draw_within(tokens(100), LONG).await.unwrap().cancel();
        (client, deployment)
    });
    drop(home);
    runtime().block_on(async {
        for deployment in [deployment, client.deployment("late")] {
            let denied = deployment.try_draw(tokens(1)).map(drop).unwrap_err();
            assert_eq!((denied.reason, denied.retry_after), (Reason::Dead, Duration::ZERO));
            let denied = deployment.draw_within(tokens(1), LONG).await.map(drop).unwrap_err();
            assert_eq!(denied.reason, Reason::Dead);
        }
        assert_eq!(client.shutdown().await, Err(ShutdownError::Dead));
    });
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_dead_server_for_ever() {
    let fake = Fake::start(1_000).await;
    let short = Duration::from_millis(100);
    let client = fake.client().shutdown_timeout(short).build().unwrap();
    let deployment = client.deployment("demo");
    deployment.draw_within(tokens(100), LONG).await.unwrap().cancel();
    fake.is(Mood::Mute);
    assert_eq!(client.shutdown().await, Err(ShutdownError::Late));
    assert_eq!(fake.book().batches.last().unwrap().give_back[0].tokens, 100);
}

#[tokio::test]
async fn dropping_the_last_handle_gives_everything_back() {
    let fake = Fake::start(1_000).await;
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    drop(client);
    deployment.draw_within(tokens(100), LONG).await.unwrap().cancel();
    drop(deployment);
    fake.until(|book| book.leases() == 1 && book.outstanding() == 0).await;
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_costs_nothing() {
    let fake = Fake::start(1_000).await;
    fake.is(Mood::Mute);
    let client = fake.client().request_timeout(Duration::from_millis(100)).build().unwrap();
    let deployment = client.deployment("demo");
    let denied = deployment.draw_within(tokens(100), LONG).await.unwrap_err();
    assert_eq!(denied.reason, Reason::NoServer);
    assert!(denied.retry_after <= Duration::from_secs(1));
    fake.is(Mood::Well);
    let permit = loop {
        match deployment.draw_within(tokens(100), LONG).await {
            Ok(permit) => break permit,
            Err(denied) => tokio::time::sleep(denied.retry_after).await,
        }
    };
    permit.settle(tokens(100));
    client.shutdown().await.unwrap();
    let book = fake.book();
    assert_eq!((book.outstanding(), book.used()), (100, 100));
    let first = &book.asks().next().unwrap().request_id;
    assert!(book.asks().filter(|ask| ask.request_id == *first).count() > 1);
}

#[tokio::test]
async fn a_denial_is_remembered() {
    let fake = Fake::start(100).await;
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    let permit = deployment.draw_within(tokens(90), LONG).await.unwrap();
    let denied = deployment.draw_within(tokens(20), LONG).await.unwrap_err();
    assert_eq!((denied.reason, denied.unit), (Reason::Exhausted, Some(Unit::Tokens)));
    assert_eq!(denied.state, Some(State::Exhausted));
    assert_eq!(denied.usage.unwrap().tokens.limit, Some(100));
    assert!(denied.retry_after > Duration::from_secs(29));
    let asked = fake.book().asks().count();
    for _ in 0..100 {
        let denied = deployment.draw_within(tokens(20), LONG).await.unwrap_err();
        assert_eq!(denied.reason, Reason::Exhausted);
    }
    assert_eq!(fake.book().asks().count(), asked);
    assert!(!deployment.accepts(tokens(20)));
    assert!(deployment.accepts(tokens(10)), "smaller ones may fit");
    deployment.draw_within(tokens(10), LONG).await.unwrap().settle(tokens(10));
    permit.cancel();
    client.shutdown().await.unwrap();
    let denied = fake
        .book()
        .batches
        .iter()
        .flat_map(|batch| &batch.denied)
        .map(|item| item.requests)
        .sum::<u64>();
    assert_eq!(denied, 101, "the server hears of what was denied here");
}

#[tokio::test]
async fn in_an_endgame_draws_wait_for_other_holders_rests() {
    let fake = Fake::start(100).await;
    fake.is(Mood::Denying(State::Endgame, 100));
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    let denied = deployment.draw_within(tokens(50), Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(denied.reason, Reason::Endgame);
    let waits = deployment.draw_within(tokens(50), LONG);
    let rests_come = async {
        let asked = fake.book().asks().count();
        fake.until(|book| book.asks().count() > asked).await;
        fake.is(Mood::Well);
    };
    let (drawn, ()) = tokio::join!(waits, rests_come);
    drawn.unwrap().cancel();
}

#[tokio::test]
async fn as_many_as_fit_of_many_at_once() {
    let fake = Fake::start(500).await;
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    let tasks = tokio_util::task::TaskTracker::new();
    let draws: Vec<_> = (0..60)
        .map(|_| {
            let deployment = deployment.clone();
            tasks.spawn(async move { deployment.draw_within(tokens(15), LONG).await })
        })
        .collect();
    let mut permits = Vec::new();
    for draw in draws {
        permits.extend(draw.await.unwrap().ok());
    }
    assert_eq!(permits.len(), 33);
    assert!(fake.book().asks().count() < 10);
}

#[tokio::test]
async fn a_draw_that_is_given_up_takes_nothing() {
    let fake = Fake::start(100).await;
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    for _ in 0..20 {
        let draw = deployment.draw_within(tokens(50), LONG);
        let given_up = tokio::time::timeout(Duration::from_micros(700), draw).await;
        given_up.into_iter().flatten().for_each(|permit| permit.cancel());
    }
    client.shutdown().await.unwrap();
    assert_eq!(fake.book().outstanding(), 0);
}

#[tokio::test]
async fn without_a_server_draws_are_denied_and_it_is_found_when_it_comes() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let client = QuotaClient::builder(format!("http://{address}")).build().unwrap();
    let deployment = client.deployment("demo");
    let denied = deployment.draw_within(tokens(1), LONG).await.unwrap_err();
    assert_eq!(denied.reason, Reason::NoServer);
    let _fake = Fake::start_at(&address, 100).await;
    let mut denials = 0;
    while let Err(denied) = deployment.draw_within(tokens(1), LONG).await {
        assert_eq!(denied.reason, Reason::NoServer);
        assert!(denied.retry_after <= Duration::from_secs(1));
        denials += 1;
        assert!(denials < 100, "it is there");
        tokio::time::sleep(denied.retry_after).await;
    }
}

#[tokio::test]
async fn leases_in_hand_outlast_the_server() {
    let fake = Fake::start(1_000).await;
    let client = fake.client().build().unwrap();
    let deployment = client.deployment("demo");
    deployment.draw_within(tokens(100), LONG).await.unwrap().cancel();
    fake.is(Mood::Away);
    let denied = deployment.draw_within(tokens(101), LONG).await.unwrap_err();
    assert_eq!(denied.reason, Reason::NoServer);
    assert!(!deployment.accepts(tokens(101)));
}

#[tokio::test]
async fn what_the_server_refuses_is_told_apart() {
    let fake = Fake::start(100).await;
    let client = fake.client().token(Some("secret".to_owned())).build().unwrap();
    let never = client.deployment("demo").draw_within(tokens(101), LONG).await.unwrap_err();
    assert_eq!((never.reason, never.unit), (Reason::NeverFits, Some(Unit::Tokens)));
    let unknown = client.deployment("unknown").draw_within(tokens(1), LONG).await.unwrap_err();
    assert_eq!(unknown.reason, Reason::UnknownDeployment);
    for no_name in ["", "a\nb", &"x".repeat(129)] {
        let denied = client.deployment(no_name).try_draw(tokens(1)).unwrap_err();
        assert_eq!(denied.reason, Reason::UnknownDeployment);
    }
    assert_eq!(fake.book().authorization.as_deref(), Some("Bearer secret"));
    fake.is(Mood::Strict);
    let refused = client.deployment("third").draw_within(tokens(1), LONG).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Refused);
    for (amount, reason) in [
        (Amount::default(), Reason::Empty),
        (tokens(u64::MAX), Reason::NeverFits),
        (Amount::new(1, 1 << 24), Reason::NeverFits),
    ] {
        let denied = client.deployment("demo").try_draw(amount).unwrap_err();
        assert_eq!(denied.reason, reason);
        assert!(!client.deployment("demo").accepts(amount));
    }
}

#[tokio::test]
async fn deployments_are_made_and_read() {
    let fake = Fake::start(100).await;
    let client = fake.client().build().unwrap();
    let spec = DeploymentSpec { tpm_limit: Some(7), ..DeploymentSpec::default() };
    let id = "azure/gpt 4o";
    assert_eq!(client.put_deployment(id, &spec).await.unwrap().spec, spec);
    assert_eq!(client.deployment_on_server(id).await.unwrap().id, id);
    let all = client.deployments_on_server().await.unwrap().deployments;
    assert_eq!(all.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [id]);
    let missing = client.deployment_on_server("none").await.unwrap_err();
    assert!(
        matches!(missing, CallError::Problem(problem) if problem.code == Code::DeploymentNotFound)
    );
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused() {
    let built = |url: &str| QuotaClient::builder(url);
    for url in ["", "127.0.0.1:7700", "ftp://host", "http://", "http://a,", "http://u:p@a"] {
        assert!(matches!(built(url).build(), Err(BuildError::Url(_))), "{url}");
    }
    for urls in ["https://quota.test", "http://10.0.0.1:1, https://[::1]:2/quota/"] {
        assert!(built(urls).build().is_ok(), "{urls}");
    }
    let url = "http://127.0.0.1:1";
    let token = built(url).token(Some("a\nb".to_owned()));
    assert!(!format!("{token:?}").contains("a\\nb"), "it is a secret");
    assert!(matches!(token.build(), Err(BuildError::Token)));
    assert!(matches!(built(url).holder("").build(), Err(BuildError::Holder(_))));
    assert!(matches!(built(url).holder("x".repeat(128)).build(), Err(BuildError::Holder(_))));
    assert!(matches!(built(url).holder("a\nb").build(), Err(BuildError::Holder(_))));
    let outside = std::thread::spawn(move || built(url).build().is_err());
    assert!(outside.join().unwrap(), "there is no runtime");
}
