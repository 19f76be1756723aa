//! One client, several servers with one book.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use gateway_client::api::DeploymentSpec;
use gateway_client::clock::{BootClock, Clock};
use gateway_client::resolver::{Addresses, Resolver};
use gateway_client::{Amount, Builder, Deployment, Moment, Permit, QuotaClient, Reason};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::fake::{Fake, Mood};
use crate::{LONG, tokens};

/// Two servers with one book.
async fn two(limit: u64) -> [Fake; 2] {
    let one = Fake::start(limit).await;
    let other = one.another().await;
    [one, other]
}

fn client(urls: &[&str]) -> Builder {
    QuotaClient::builder(urls.join(","))
        .holder("gw")
        .instance("1")
        .request_timeout(Duration::from_millis(200))
}

/// The server that the client chose to speak with, and the other one.
fn in_use(servers: &[Fake; 2]) -> (&Fake, &Fake) {
    let [one, other] = servers;
    if one.messages() > 0 { (one, other) } else { (other, one) }
}

/// An address that nobody listens at.
async fn nowhere() -> String {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    format!("http://{}", free.local_addr().expect("it listens"))
}

/// A server that takes connections and closes them at once.
async fn closing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it listens"));
    TaskTracker::new().spawn(async move { while listener.accept().await.is_ok() {} });
    url
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_no_draw() {
    for bad in [nowhere().await, closing().await] {
        // Its place in the client's order is a matter of chance.
        for _ in 0..8 {
            let fake = Fake::start(1_000).await;
            let client = client(&[&bad, &fake.url]).build().unwrap();
            let drawn = client.deployment("demo").draw_within(tokens(100), LONG).await;
            drawn.unwrap().settle(tokens(100));
            client.shutdown().await.unwrap();
            let book = fake.book();
            assert_eq!((book.leases(), book.outstanding()), (1, 100));
        }
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_server_the_other_answers_the_same_request() {
    for wrong in [
        Mood::Mute,
        Mood::Away,
        Mood::Troubled,
        Mood::Standby("http://nonsense".to_owned() + "://"),
        Mood::Standby("https://127.0.0.1:1".to_owned()),
        Mood::Standby(nowhere().await),
    ] {
        let servers = two(1_000).await;
        let client = client(&[&servers[0].url, &servers[1].url]).build().unwrap();
        let deployment = client.deployment("demo");
        let first = deployment.draw_within(tokens(100), LONG).await.unwrap();
        let (lost, other) = in_use(&servers);
        lost.is(wrong.clone());
        let drawn = deployment.draw_within(tokens(300), LONG).await;
        drawn.unwrap_or_else(|denied| panic!("{wrong:?}: {denied}")).settle(tokens(250));
        first.settle(tokens(100));
        assert!(other.messages() > 0, "{wrong:?}");
        client.shutdown().await.unwrap();
        let book = other.book();
        assert_eq!((book.outstanding(), book.used()), (350, 350), "{wrong:?}");
        let asks: Vec<_> = book.asks().filter(|ask| ask.tokens.min == 300).collect();
        assert!(asks.len() > 1, "{wrong:?}");
        let is_first = |ask: &&_| std::ptr::eq(*ask, asks[0]);
        let repeats = asks.iter().filter(|ask| !is_first(ask));
        assert!(repeats.clone().any(|ask| ask.request_id == asks[0].request_id), "{wrong:?}");
    }
}

#[tokio::test]
async fn draws_that_a_lease_covers_do_not_wait_for_a_server_that_hangs() {
    let servers = two(1_000).await;
    let client = client(&[&servers[0].url, &servers[1].url]).build().unwrap();
    let deployment = client.deployment("demo");
    deployment.draw_within(tokens(200), LONG).await.unwrap().cancel();
    let (hung, _) = in_use(&servers);
    hung.is(Mood::Mute);
    let messages = hung.messages();
    assert_eq!(deployment.try_draw(tokens(400)).unwrap_err().reason, Reason::Refilling);
    hung.until(|_| hung.messages() > messages).await;
    let part = Amount::new(20, 0);
    for _ in 0..10 {
        deployment.try_draw(part).unwrap().settle(part);
    }
    deployment.draw_within(tokens(400), LONG).await.unwrap().cancel();
}

#[tokio::test]
async fn the_active_server_is_remembered() {
    let servers = two(1_000_000).await;
    let active = servers[0].another().await;
    let token = Some("secret".to_owned());
    for standby in &servers {
        standby.is(Mood::Standby(active.url.clone()));
    }
    let client = client(&[&servers[0].url, &servers[1].url]).token(token).build().unwrap();
    let deployment = client.deployment("demo");
    for size in 1..=10 {
        deployment.draw_within(tokens(size * 100), LONG).await.unwrap().cancel();
    }
    assert_eq!(servers[0].messages() + servers[1].messages(), 1);
    assert_eq!(active.book().authorization.as_deref(), Some("Bearer secret"));
    let (one, _) = in_use(&servers);
    let spec = DeploymentSpec { tpm_limit: Some(7), ..DeploymentSpec::default() };
    client.put_deployment("made", &spec).await.unwrap();
    assert_eq!(one.messages(), 1, "calls that are not batches know it as well");
}

#[tokio::test]
async fn a_deployment_is_made_on_the_active_server() {
    let servers = two(100).await;
    servers[0].is(Mood::Standby(servers[1].url.clone()));
    let spec = DeploymentSpec { tpm_limit: Some(7), ..DeploymentSpec::default() };
    let only_standby = client(&[&servers[0].url]).build().unwrap();
    only_standby.put_deployment("made", &spec).await.unwrap();
    assert_eq!((servers[0].messages(), servers[1].messages()), (1, 1));
    let with_dead = client(&[&nowhere().await, &servers[1].url]).build().unwrap();
    with_dead.put_deployment("made too", &spec).await.unwrap();
    assert_eq!(servers[0].book().deployments.len(), 2);
}

#[tokio::test]
async fn standbys_that_name_each_other_are_no_servers_until_one_is_active() {
    let servers = two(1_000).await;
    for (standby, other) in [(0, 1), (1, 0)] {
        servers[standby].is(Mood::Standby(servers[other].url.clone()));
    }
    let client = client(&[&servers[0].url, &servers[1].url]).build().unwrap();
    let deployment = client.deployment("demo");
    let denied = deployment.draw_within(tokens(10), LONG).await.unwrap_err();
    assert_eq!(denied.reason, Reason::NoServer);
    let messages = servers[0].messages() + servers[1].messages();
    assert!(messages <= 5, "{messages} before it gave up");
    servers[1].is(Mood::Well);
    patient_draw(&deployment, 10).await.cancel();
}

/// Draws once there is a server, for at most a hundred tries.
async fn patient_draw<C: Clock>(deployment: &Deployment<C>, size: u64) -> Permit {
    for _ in 0..100 {
        match deployment.draw_within(tokens(size), LONG).await {
            Ok(permit) => return permit,
            Err(denied) => {
                assert_eq!(denied.reason, Reason::NoServer);
                assert!(denied.retry_after <= Duration::from_secs(1), "{denied}");
                tokio::time::sleep(denied.retry_after).await;
            }
        }
    }
    panic!("no server is found");
}

/// A clock that can be put forward.
#[derive(Debug, Clone, Default)]
struct Forward(Arc<AtomicU64>);

impl Forward {
    fn put(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Relaxed);
    }
}

impl Clock for Forward {
    fn now(&self) -> Moment {
        BootClock.now() + Duration::from_secs(self.0.load(Relaxed))
    }
}

#[tokio::test]
async fn a_client_goes_to_another_server_now_and_then_if_that_one_is_ready() {
    let servers = two(1_000_000).await;
    let clock = Forward::default();
    let client = client(&[&servers[0].url, &servers[1].url]).clock(clock.clone()).build().unwrap();
    let deployment = client.deployment("demo");
    patient_draw(&deployment, 1).await.cancel();
    let (used, other) = in_use(&servers);
    other.is(Mood::Away);
    for _ in 0..40 {
        clock.put(Duration::from_secs(90));
        patient_draw(&deployment, 1).await.cancel();
    }
    assert_eq!(other.messages(), 0, "it is not ready");
    other.is(Mood::Well);
    // Each time it chooses one of the two; that it never chooses the other has no chance.
    for _ in 0..100 {
        clock.put(Duration::from_secs(90));
        patient_draw(&deployment, 1).await.cancel();
        if other.messages() > 0 {
            return;
        }
    }
    panic!("{} messages to one server, none to the other", used.messages());
}

/// A name with two addresses.
#[derive(Debug)]
struct Two;

impl Resolver for Two {
    fn look_up(&self, host: &str) -> Addresses {
        assert_eq!(host, "quota.test");
        let addresses = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
        Box::pin(std::future::ready(Ok(addresses.to_vec())))
    }
}

#[tokio::test]
async fn a_name_with_two_addresses_is_two_servers() {
    let one = Fake::start(1_000).await;
    let (_, port) = one.url.rsplit_once(':').unwrap();
    let other = one.another_at(&format!("127.0.0.2:{port}")).await;
    let url = format!("http://quota.test:{port}");
    let client = client(&[&url]).resolver(Two).build().unwrap();
    let deployment = client.deployment("demo");
    let first = deployment.draw_within(tokens(100), LONG).await.unwrap();
    for (lost, kept) in [(&one, &other), (&other, &one)] {
        lost.is(Mood::Away);
        kept.is(Mood::Well);
        let messages = kept.messages();
        patient_draw(&deployment, 200).await.settle(tokens(200));
        assert!(kept.messages() > messages);
    }
    first.cancel();
    client.shutdown().await.unwrap();
    assert_eq!(one.book().outstanding(), 400);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_a_server_that_is_away() {
    #[derive(Debug)]
    struct Unknown;
    impl Resolver for Unknown {
        fn look_up(&self, _: &str) -> Addresses {
            Box::pin(std::future::ready(Err(std::io::Error::other("no such host"))))
        }
    }
    let client = client(&["http://quota.test:7700"]).resolver(Unknown).build().unwrap();
    let denied = client.deployment("demo").draw_within(tokens(1), LONG).await.unwrap_err();
    assert_eq!(denied.reason, Reason::NoServer);
}
