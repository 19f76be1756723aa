//! Gateways with the client's own machine, beside the holders that do anything at any time:
//! requests draw from their pools, and all that they say goes the way of everybody's messages, to
//! the API's own reading of it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gateway_client::servers::Servers;
use gateway_client::{Amount, Permit};
use quota_api::{Batch, BatchReply, Lease, routes};
use quota_server::http::{LeaseDesk, Rations};
use quota_server::ledger::LeaseRef;
use quota_server::metrics::LeaseMetrics;
use rand::rngs::{SmallRng, StdRng};
use rand::{RngExt, SeedableRng};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout_at};

use super::checker::{Ask, Told};
use super::coverage::Boundary;
use super::plan::{Plan, Step, What};
use super::play::{DEPLOYMENTS, HOLDERS};
use super::site::{Site, url};
use super::talk::send;
use crate::played_gateway::{Drawn, Drift, Gateway, Heard};

/// Gateways of a run.
pub(super) const GATEWAYS: usize = 3;

/// A draw waits so long at most, ms.
const MAX_WAIT_MS: u64 = 2_000;

/// A gateway gives an answer up after so long.
const TIMEOUT: Duration = Duration::from_secs(1);

/// It has so long to give back what it holds at the end.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// A gateway's clock and a server's are off by so much each at most, ppm.
const DRIFT_PPM: i64 = 500;

/// A request's permit, and the lease that it came out of.
type Admitted = (Permit, Option<LeaseRef>);

/// A gateway of one deployment. As a holder it has the number after theirs.
pub(super) struct Client {
    number: usize,
    credential: Arc<str>,
    gateway: RefCell<Gateway>,
    /// Requests that wait for their permit, by number.
    waiting: RefCell<BTreeMap<usize, oneshot::Sender<Admitted>>>,
    requests: Cell<usize>,
    /// Something came that it should look at.
    bell: Notify,
}

impl Client {
    pub(super) fn new(plan: &Plan, number: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(plan.seed ^ (number as u64 + 1));
        let ppm = rng.random_range(-DRIFT_PPM..=DRIFT_PPM);
        let urls: Vec<_> = (0..plan.servers).map(url).collect();
        let jitter = rng.random_range(0..=1_000);
        let servers = Servers::new(&urls.join(","), rng).expect("the URLs are good");
        let (name, id) = (format!("client-{number}"), format!("d{}", deployment(number)));
        let clock = Drift { origin_us: 1_000_000, ppm };
        Self {
            number,
            credential: format!("credential of client {number}").into(),
            gateway: RefCell::new(Gateway::new(name, &id, clock, servers, jitter, MAX_WAIT_MS)),
            waiting: RefCell::default(),
            requests: Cell::new(0),
            bell: Notify::new(),
        }
    }

    fn holder(&self) -> usize {
        HOLDERS + self.number
    }

    /// Draws for a request, out of a lease: `None` if it is denied.
    async fn permit(&self, tokens: u64, now_us: u64) -> Option<Admitted> {
        let request = self.requests.replace(self.requests.get() + 1);
        let (told, permit) = oneshot::channel();
        self.waiting.borrow_mut().insert(request, told);
        let amount = Amount::new(tokens, 1);
        let drawn = self.gateway.borrow_mut().draw(request, amount, now_us);
        self.became(drawn);
        self.bell.notify_one();
        permit.await.ok()
    }

    fn became(&self, drawn: impl IntoIterator<Item = Drawn>) {
        for drawn in drawn {
            match drawn {
                Drawn::Admitted(request, permit, lease) => {
                    let lease = lease.map(|lease| lease.parse().expect("a lease of this ledger"));
                    let told = self.waiting.borrow_mut().remove(&request);
                    told.map(|told| told.send((permit, lease)).ok());
                }
                Drawn::Denied(request) => drop(self.waiting.borrow_mut().remove(&request)),
            }
        }
    }
}

/// The gateways that requests of this plan come to.
pub(super) fn used(plan: &Plan) -> BTreeSet<usize> {
    let gateway = |step: &Step| match step.what {
        What::Request { gateway, .. } => Some(gateway % GATEWAYS),
        _ => None,
    };
    plan.steps.iter().filter_map(gateway).collect()
}

/// Each has one deployment.
const fn deployment(gateway: usize) -> usize {
    gateway % DEPLOYMENTS
}

/// A request: it draws, is sent, and settles with what it used.
pub(super) async fn request(site: Site, gateway: usize, tokens: u64, percent: u64, takes_ms: u64) {
    let client = &site.clients[gateway % GATEWAYS];
    let Some((permit, lease)) = client.permit(tokens, site.now_us()).await else {
        site.hit(Boundary::GatewayDenies);
        return;
    };
    site.hit(Boundary::GatewayAdmits);
    let (holder, deployment) = (client.holder(), deployment(client.number));
    let draw = site.checker.borrow_mut().drew(holder, deployment, lease, tokens);
    sleep(Duration::from_millis(takes_ms)).await;
    let used = tokens * percent / 100;
    permit.settle(Amount::new(used, 1));
    site.checker.borrow_mut().settled(draw, used);
    client.gateway.borrow_mut().settled();
    client.bell.notify_one();
}

/// Runs one, as the client's driver does, until the run's end; then it gives back what it holds.
pub(super) async fn run(site: Site, number: usize) {
    let client = &site.clients[number];
    let mut rng = SmallRng::seed_from_u64(site.plan.seed ^ ((number as u64 + 1) << 32));
    let end = site.began + Duration::from_millis(site.plan.length_ms);
    let mut messages = FuturesUnordered::new();
    let mut call = None;
    let mut is_shut = false;
    while Instant::now() < end + SHUTDOWN {
        let now_us = site.now_us();
        if Instant::now() >= end && !is_shut {
            is_shut = true;
            client.gateway.borrow_mut().shut();
        }
        let drawn = client.gateway.borrow_mut().attend(now_us);
        client.became(drawn);
        if is_shut && client.gateway.borrow().is_square(now_us) {
            break;
        }
        let said = client.gateway.borrow_mut().send(now_us);
        if let Some((url, batch)) = said {
            let (tell, hear) = oneshot::channel();
            let rng = SmallRng::from_rng(&mut rng);
            tell_checker(&site, client.holder(), &batch);
            call = Some((batch.clone(), Instant::now(), Box::pin(heard(hear))));
            messages.push(carry(site.clone(), number, url, batch, tell, rng));
        }
        let is_ready = |to: &str| server_at(&site, to).is_some_and(|at| site.server(at).is_up());
        client.gateway.borrow_mut().spread(now_us, is_ready);
        let next_us = client.gateway.borrow().next_us(now_us).max(now_us + 1);
        let wakes = (site.began + Duration::from_micros(next_us)).min(end + SHUTDOWN);
        let wakes = if is_shut { wakes } else { wakes.min(end) };
        tokio::select! {
            biased;
            answer = answered(&mut call) => {
                let Some((batch, sent, _)) = call.take() else { continue };
                if let Heard::Reply(reply) = &answer {
                    hear_checker(&site, client.holder(), &batch, sent, reply);
                }
                let drawn = client.gateway.borrow_mut().hear(answer, site.now_us());
                client.became(drawn);
            }
            Some(()) = messages.next() => {}
            () = client.bell.notified() => {}
            () = sleep_until(wakes) => {}
        }
    }
    client.gateway.borrow_mut().is_dead = true;
    client.waiting.borrow_mut().clear();
}

/// The answer to the message under way, or that it does not come.
async fn answered<T: Future<Output = Heard> + Unpin>(
    call: &mut Option<(Batch, Instant, T)>,
) -> Heard {
    match call {
        Some((_, _, answer)) => answer.await,
        None => std::future::pending().await,
    }
}

async fn heard(hear: oneshot::Receiver<Heard>) -> Heard {
    let answer = async {
        match hear.await {
            Ok(heard) => heard,
            Err(_all_copies_are_lost) => std::future::pending().await,
        }
    };
    timeout_at(Instant::now() + TIMEOUT, answer).await.unwrap_or(Heard::Nothing)
}

/// Takes a message there and back; only the first answer is heard.
async fn carry(
    site: Site,
    number: usize,
    url: String,
    batch: Batch,
    tell: oneshot::Sender<Heard>,
    mut rng: SmallRng,
) {
    let tell = Cell::new(Some(tell));
    let hear = |heard: &Heard| {
        if let Some(tell) = tell.take() {
            tell.send(heard.clone()).ok();
        }
    };
    send(&site, &mut rng, || beat(&site, number, &url, batch.clone()), hear).await;
}

fn server_at(site: &Site, to: &str) -> Option<usize> {
    (0..site.servers.len()).find(|server| url(*server) == to)
}

/// What the server at this URL says to a beat. `None`: it died meanwhile.
async fn beat(site: &Site, number: usize, to: &str, batch: Batch) -> Option<Heard> {
    let server = server_at(site, to)?;
    let Some((ledger, life)) = site.server(server).ledger() else { return Some(Heard::Nothing) };
    let (rations, metrics) = (Rations::new(u32::MAX), LeaseMetrics::new());
    let desk = LeaseDesk { ledger, rations, metrics };
    let answer = desk.beat(&site.clients[number].credential, batch).await;
    let is_alive = site.server(server).is_in_life(life);
    is_alive.then(|| match answer {
        Ok(reply) => Heard::Reply(reply),
        Err(failure) => failure
            .active_server()
            .map_or(Heard::Nothing, |active| Heard::Standby(format!("{active}{}", routes::BATCH))),
    })
}

/// A request id is `r` and a number.
fn ask(holder: usize, request_id: &str) -> Ask {
    (holder, 0, request_id.trim_start_matches('r').parse().expect("a request id of the client"))
}

fn tell_checker(site: &Site, holder: usize, batch: &Batch) {
    let mut checker = site.checker.borrow_mut();
    for item in &batch.acquire {
        checker.asks(ask(holder, &item.request_id));
    }
    for item in &batch.give_back {
        let lease = item.lease_id.parse().expect("a lease of this ledger");
        checker.sends_back(lease, Amount::new(item.tokens, item.requests));
    }
}

fn hear_checker(site: &Site, holder: usize, batch: &Batch, sent: Instant, reply: &BatchReply) {
    let mut checker = site.checker.borrow_mut();
    for (item, answer) in batch.acquire.iter().zip(&reply.acquire) {
        let Some(lease) = &answer.body else { continue };
        let min = Amount::new(item.tokens.min, item.requests.min);
        let want = Amount::new(item.tokens.want, item.requests.want);
        let told = told(ask(holder, &item.request_id), lease, sent);
        checker.granted(&told, min, want);
    }
    for (item, answer) in batch.give_back.iter().zip(&reply.give_back) {
        let Some(returned) = &answer.body else { continue };
        let lease = item.lease_id.parse().expect("a lease of this ledger");
        let total = Amount::new(item.tokens, item.requests);
        checker.returned(lease, returned.credited.into(), total);
    }
    for (item, answer) in batch.used.iter().zip(&reply.used) {
        if answer.body.is_some() {
            let lease = item.lease_id.parse().expect("a lease of this ledger");
            checker.overran(lease, item.overrun.into());
        }
    }
}

fn told(ask: Ask, lease: &Lease, sent: Instant) -> Told {
    Told {
        ask,
        deployment: deployment(ask.0 - HOLDERS),
        lease: lease.lease_id.parse().expect("a lease of this ledger"),
        amount: Amount::new(lease.tokens, lease.requests),
        starts_in: Duration::from_millis(lease.starts_in_ms),
        expires_in: Duration::from_millis(lease.expires_in_ms),
        sent,
    }
}
