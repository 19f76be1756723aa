//! What holders do.

use std::cell::Cell;

use quota_core::{Amount, RequestKey, WindowKind};
use quota_server::ledger::{Caller, Op, OpError, Reply, Unavailable};
use rand::RngExt;
use rand::rngs::SmallRng;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::checker::Told;
use super::coverage::Boundary;
use super::site::{InHand, Site, Wish};
use super::talk::{run, send};

/// How long a holder waits before it says again what was not answered.
const AGAIN: Duration = Duration::from_millis(400);

/// How often it says a thing at most.
const TRIES: usize = 3;

/// What a lease's end is shortened by, as clients do: 1 000 ppm and 5 ms.
fn surely(length: Duration) -> Duration {
    length.saturating_sub(length / 1_000).saturating_sub(Duration::from_millis(5))
}

pub(super) fn id(deployment: usize) -> std::sync::Arc<str> {
    format!("d{deployment}").into()
}

fn caller(holder: usize, credential: u64) -> Caller {
    Caller {
        credential: format!("credential {holder}.{credential}").into(),
        holder: format!("gw-{holder}").into(),
    }
}

/// A new ask.
pub(super) async fn acquire(site: Site, holder: usize, wish: Wish, mut rng: SmallRng) {
    let wish = {
        let mut of = site.holder(holder).borrow_mut();
        let request = u128::try_from(of.asks.len()).unwrap_or(0) + 1;
        let wish = Wish { request, credential: of.credential, ..wish };
        of.asks.push(wish);
        wish
    };
    ask(&site, holder, wish, &mut rng).await;
}

/// One of the last asks again.
pub(super) async fn repeat(site: Site, holder: usize, back: usize, mut rng: SmallRng) {
    let wish = site.holder(holder).borrow().asks.iter().rev().nth(back).copied();
    if let Some(wish) = wish {
        ask(&site, holder, wish, &mut rng).await;
    }
}

/// Asks until it is answered, and draws from what it gets.
async fn ask(site: &Site, holder: usize, wish: Wish, rng: &mut SmallRng) {
    let draws = Cell::new(None);
    for _ in 0..TRIES {
        let is_answered = Cell::new(false);
        let sent = Instant::now();
        site.checker.borrow_mut().asks((holder, wish.credential, wish.request));
        let op = || Op::Acquire {
            deployment: id(wish.deployment),
            wish: quota_core::Wish {
                request: RequestKey(wish.request),
                min: Amount::new(wish.min, 1),
                want: Amount::new(wish.want, 1),
                ahead: wish.ahead,
            },
        };
        let hear = |answer: &Result<Reply, OpError>| {
            is_answered.set(is_answered.get() | !is_away(answer));
            if let Err(OpError::Refused { .. }) = answer
                && site.checker.borrow().fullness(wish.deployment).is_none()
            {
                site.hit(Boundary::RefusedOfNothing);
            }
            if let Ok(Reply::Granted { lease, granted, standing }) = answer {
                let told = Told {
                    ask: (holder, wish.credential, wish.request),
                    deployment: wish.deployment,
                    lease: *lease,
                    amount: granted.amount,
                    starts_in: Duration::from_millis(granted.starts_in_ms),
                    expires_in: Duration::from_millis(granted.expires_in_ms),
                    sent,
                };
                if let Some(from) = hold(site, holder, wish, &told)
                    && standing.kind == WindowKind::Rolling
                {
                    draws.set(Some((from, told)));
                }
            }
        };
        let call = || run(site, caller(holder, wish.credential), op());
        send(site, rng, call, hear).await;
        if is_answered.get() {
            break;
        }
        sleep(AGAIN).await;
    }
    if let Some((from, told)) = draws.get() {
        draw(site, wish, from, &told, rng).await;
    }
}

/// Has the lease from now on, if it is a new one: from when on it draws.
fn hold(site: &Site, holder: usize, wish: Wish, told: &Told) -> Option<Instant> {
    let now = Instant::now();
    let wanted = (Amount::new(wish.min, 1), Amount::new(wish.want, 1));
    site.checker.borrow_mut().granted(told, wanted.0, wanted.1);
    let mut of = site.holder(holder).borrow_mut();
    if of.leases.iter().any(|held| held.lease == told.lease) {
        return None;
    }
    of.leases.push(InHand {
        lease: told.lease,
        credential: wish.credential,
        tokens: told.amount.tokens(),
        drawn: told.amount.tokens() * wish.draws / 100,
        returned: 0,
        overrun: 0,
    });
    Some(now + told.starts_in)
}

/// Draws at some time of the lease's life.
async fn draw(site: &Site, wish: Wish, from: Instant, told: &Told, rng: &mut SmallRng) {
    let ends = told.sent + surely(told.expires_in);
    let left = ends.saturating_duration_since(from);
    let tokens = told.amount.tokens() * wish.draws / 100;
    if left.is_zero() || tokens == 0 {
        return;
    }
    let percent = if rng.random_ratio(1, 3) { 99 } else { rng.random_range(0..100) };
    sleep_until(from + left * percent / 100).await;
    site.checker.borrow_mut().draws(wish.deployment, told.lease.deployment, tokens);
}

/// Gives back a part of what a lease has left.
pub(super) async fn give_back(
    site: Site,
    holder: usize,
    back: usize,
    percent: u64,
    closed: bool,
    mut rng: SmallRng,
) {
    let held = {
        let mut of = site.holder(holder).borrow_mut();
        let Some(held) = of.leases.iter_mut().rev().nth(back) else { return };
        let rest = held.tokens - held.drawn - held.returned;
        held.returned += rest * percent / 100;
        *held
    };
    let requests = u64::from(closed && held.drawn == 0);
    let total = Amount::new(held.returned, requests);
    site.checker.borrow_mut().sends_back(held.lease, total);
    let op = || held.lease.give_back(total, closed);
    until_heard(&site, holder, held.credential, op, &mut rng, |answer| {
        if let Ok(Reply::Returned(returned)) = answer {
            site.checker.borrow_mut().returned(held.lease, returned.credited, total);
        }
    })
    .await;
}

/// Reports what was used of a lease, and above it.
pub(super) async fn report(
    site: Site,
    holder: usize,
    back: usize,
    overrun: u64,
    mut rng: SmallRng,
) {
    let held = {
        let mut of = site.holder(holder).borrow_mut();
        let Some(held) = of.leases.iter_mut().rev().nth(back) else { return };
        held.overrun += overrun;
        *held
    };
    let used = Amount::new(held.drawn, u64::from(held.drawn > 0));
    let overrun = Amount::new(held.overrun, 0);
    let op = || held.lease.report(used, overrun);
    until_heard(&site, holder, held.credential, op, &mut rng, |answer| {
        if let Ok(Reply::Used(_)) = answer {
            site.checker.borrow_mut().overran(held.lease, overrun);
        }
    })
    .await;
}

/// Gives back another holder's lease, or more than there was.
pub(super) async fn forge(site: Site, holder: usize, of: usize, back: usize, mut rng: SmallRng) {
    let Some(held) = site.holder(of).borrow().leases.iter().rev().nth(back).copied() else {
        return;
    };
    let is_own = holder == of;
    let credential = if is_own { held.credential } else { site.holder(holder).borrow().credential };
    let tokens = if is_own { held.tokens + 1 } else { held.tokens };
    let op = || held.lease.give_back(Amount::new(tokens, 0), true);
    let hear = |answer: &Result<Reply, OpError>| {
        if let Ok(Reply::Returned(returned)) = answer {
            site.checker.borrow_mut().forged(held.lease, returned.credited);
        }
    };
    send(&site, &mut rng, || run(&site, caller(holder, credential), op()), hear).await;
}

/// Tells of draws that it denied by itself.
pub(super) async fn deny(site: Site, holder: usize, deployment: usize, mut rng: SmallRng) {
    let credential = site.holder(holder).borrow().credential;
    let op = || Op::Denied { deployment: id(deployment), amount: Amount::new(10, 1) };
    send(&site, &mut rng, || run(&site, caller(holder, credential), op()), |_| ()).await;
}

async fn until_heard(
    site: &Site,
    holder: usize,
    credential: u64,
    op: impl Fn() -> Op,
    rng: &mut SmallRng,
    hear: impl Fn(&Result<Reply, OpError>),
) {
    for _ in 0..TRIES {
        let is_answered = Cell::new(false);
        let heard = |answer: &Result<Reply, OpError>| {
            is_answered.set(is_answered.get() | !is_away(answer));
            hear(answer);
        };
        send(site, rng, || run(site, caller(holder, credential), op()), heard).await;
        if is_answered.get() {
            return;
        }
        sleep(AGAIN).await;
    }
}

fn is_away(answer: &Result<Reply, OpError>) -> bool {
    matches!(answer, Err(OpError::Unavailable(Unavailable::CannotWrite | Unavailable::Overloaded)))
}
