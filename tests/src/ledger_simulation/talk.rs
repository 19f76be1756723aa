//! Messages between holders, people and servers.

use std::sync::Arc;

use quota_server::ledger::{Caller, Ledger, Op, OpError, PutError, Reply, Unavailable};
use rand::rngs::SmallRng;
use tokio::time::sleep;

use super::coverage::Boundary;
use super::network::{self, Copy};
use super::site::{Site, url};

/// At a window's beginning and end, this near, ms.
const NEAR_MS: u64 = 100;

/// How many servers one message is sent on to.
const HOPS: usize = 3;

/// What became of one copy of a message.
#[derive(Debug)]
pub(super) enum Fate<T> {
    /// It never arrived.
    Lost,
    /// It arrived; the sender hears nothing of what came of it.
    Unheard(Option<T>),
    Heard(T),
}

/// Sends copies of a message; each calls `hear` as soon as it is heard.
pub(super) async fn send<T, F: Future<Output = Option<T>>>(
    site: &Site,
    rng: &mut SmallRng,
    call: impl Fn() -> F,
    hear: impl Fn(&T),
) -> Vec<Fate<T>> {
    let copies = network::copies(site.plan.is_rough && !site.is_calm.get(), rng);
    let sent = copies.into_iter().map(|copy| carry(copy, &call, &hear));
    futures_util::future::join_all(sent).await
}

async fn carry<T, F: Future<Output = Option<T>>>(
    copy: Copy,
    call: &impl Fn() -> F,
    hear: &impl Fn(&T),
) -> Fate<T> {
    let Some(there) = copy.there else { return Fate::Lost };
    sleep(there).await;
    let answer = call().await;
    let (Some(back), Some(answer)) = (copy.back, answer) else { return Fate::Unheard(None) };
    sleep(back).await;
    hear(&answer);
    Fate::Heard(answer)
}

/// One operation at the server that is asked. `None`: it died meanwhile, or does not listen.
pub(super) async fn run(site: &Site, caller: Caller, op: Op) -> Option<Result<Reply, OpError>> {
    let answer = routed(site, async |ledger| {
        let answer = ledger.run(caller.clone(), vec![op.clone()]).await.pop();
        answer.unwrap_or(Err(OpError::Unavailable(Unavailable::CannotWrite)))
    });
    let answer = answer.await?;
    count(site, &answer);
    Some(answer)
}

/// A change of a deployment at the server that is asked.
pub(super) async fn change<T>(
    site: &Site,
    call: impl AsyncFn(Arc<dyn Ledger>) -> Result<T, PutError>,
) -> Option<Result<T, PutError>> {
    routed(site, call).await
}

/// What may say that another server is to be asked.
trait Directed {
    fn away(&self) -> Option<&Unavailable>;
}

impl<T> Directed for Result<T, OpError> {
    fn away(&self) -> Option<&Unavailable> {
        if let Err(OpError::Unavailable(away)) = self { Some(away) } else { None }
    }
}

impl<T> Directed for Result<T, PutError> {
    fn away(&self) -> Option<&Unavailable> {
        if let Err(PutError::Unavailable(away)) = self { Some(away) } else { None }
    }
}

/// Asks a server, and the one that a standby names. Where nobody answers, the next message goes to
/// the next.
async fn routed<A: Directed>(site: &Site, call: impl AsyncFn(Arc<dyn Ledger>) -> A) -> Option<A> {
    let mut number = site.aim.get();
    for _ in 0..HOPS {
        let asked = ask(site, number, &call).await;
        match asked.as_ref().map(Directed::away) {
            Some(Some(Unavailable::Standby(at))) => {
                let named = (0..site.servers.len()).find(|number| url(*number) == **at);
                number = named.unwrap_or(number);
            }
            Some(None) => {
                site.aim.set(number);
                return asked;
            }
            _ => {
                site.aim.set((number + 1) % site.servers.len());
                return asked;
            }
        }
    }
    None
}

async fn ask<A>(
    site: &Site,
    number: usize,
    call: &impl AsyncFn(Arc<dyn Ledger>) -> A,
) -> Option<A> {
    let (ledger, life) = site.server(number).ledger()?;
    boundaries(site, number, &*ledger).await;
    let answer = call(ledger).await;
    site.server(number).is_in_life(life).then_some(answer)
}

async fn boundaries(site: &Site, number: usize, ledger: &dyn Ledger) {
    let is_fresh = site.server(number).take_fresh();
    let now = ledger.health().await;
    if is_fresh {
        site.hit(Boundary::AfterStart);
    }
    if let Ok(now) = now {
        if now.window_ends_in_ms() <= NEAR_MS {
            site.hit(Boundary::WindowEnds);
        }
        if now.steady_ms.saturating_sub(now.window.opens_ms) <= NEAR_MS {
            site.hit(Boundary::WindowBegins);
        }
    }
}

fn count(site: &Site, result: &Result<Reply, OpError>) {
    let kind = match result {
        Ok(Reply::Granted { granted, .. }) if granted.repeated => "granted before".to_owned(),
        Ok(Reply::Granted { .. }) => "granted".to_owned(),
        Ok(Reply::Returned(_)) => "returned".to_owned(),
        Ok(Reply::Used(_)) => "used".to_owned(),
        Ok(Reply::Noted) => "noted".to_owned(),
        Err(OpError::Refused { refusal, .. }) => {
            let text = format!("refused: {refusal:?}");
            text.split([' ', '(', '{']).take(2).collect::<Vec<_>>().join(" ")
        }
        Err(OpError::Unavailable(Unavailable::Standby(_))) => "standby".to_owned(),
        Err(other) => format!("{other:?}"),
    };
    *site.coverage.borrow_mut().answers.entry(kind).or_default() += 1;
}
