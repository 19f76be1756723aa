use std::time::Duration;

use quota_api::{Amount, Ask, DeploymentSpec, GiveBack, UsedItem};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    checker::{Asked, Checker, Limit},
    grant::Grant,
    limits::{Limits, Long},
    player::{Answer, BOUND, Player},
    step::{DEPLOYMENTS, Size, Step},
    verdict::ChangesVerdict,
};
use crate::{
    chaos::{Fate, RunError},
    clock,
    harness::{HarnessError, QuotaServer, Seat, Servers},
};

/// How many steps a run has: enough for a fresh deployment to age, few enough to read.
const STEPS: std::ops::Range<u64> = 20..70;
/// Within which all servers on Redis hear of a deletion: each reads the catalogue's news once a
/// second.
const HEARD: Duration = Duration::from_millis(2_500);
const STOPS: Duration = Duration::from_secs(20);

/// A run on its way.
struct Stage {
    servers: Servers,
    player: Player,
    checker: Checker,
    verdict: ChangesVerdict,
    /// The last ask of each deployment.
    last: [Option<Asked>; DEPLOYMENTS.len()],
    /// After how long the next question's server is killed.
    midway: Option<Duration>,
    rng: StdRng,
}

/// Makes one run with the choices of this seed, and says what was seen.
///
/// # Errors
/// When the run could not be made; a broken rule is no error but stands in the verdict.
pub async fn run(fate: Fate) -> Result<ChangesVerdict, RunError> {
    let mut stage = Stage::set(fate).await?;
    let mut is_after_restart = false;
    for _ in 0..stage.rng.random_range(STEPS) {
        let fresh = stage.last.each_ref().map(Option::is_none);
        let missing = DEPLOYMENTS.map(|(id, _)| stage.checker.book(id).is_missing());
        let step = Step::choose(&mut stage.rng, [fresh, missing], is_after_restart);
        is_after_restart = step.is_restart();
        stage.verdict.steps += 1;
        match stage.make(step.clone()).await {
            Ok(said) => stage.verdict.told.push(format!("{step:?}: {said}")),
            Err(why @ (HarnessError::Ended { .. } | HarnessError::TimedOut { .. })) => {
                stage.checker.broken.push(format!("R4: {step:?}: a server does not start: {why}"));
            }
            Err(why) => return Err(why.into()),
        }
        if !stage.checker.broken.is_empty() {
            break;
        }
    }
    stage.verdict.broken = stage.checker.broken;
    Ok(stage.verdict)
}

impl Stage {
    async fn set(fate: Fate) -> Result<Self, RunError> {
        let servers = Servers::start(fate.rung, fate.servers, &QuotaServer::builder()).await?;
        let mut checker = Checker::default();
        let may_lose = servers.store.live.is_some();
        DEPLOYMENTS.iter().for_each(|(id, kind)| checker.know(id, *kind, may_lose));
        Ok(Self {
            player: Player::new(servers.seats.iter().map(Seat::url).collect()),
            servers,
            checker,
            verdict: ChangesVerdict::new(fate.rung, fate.seed),
            last: Default::default(),
            midway: None,
            rng: StdRng::seed_from_u64(fate.seed),
        })
    }

    async fn make(&mut self, step: Step) -> Result<String, HarnessError> {
        match step {
            Step::Put { deployment, tokens, requests, long } => {
                let window = Amount { tokens, requests };
                Ok(self.put(deployment, Limits { window, long }).await)
            }
            Step::Delete { deployment } => Ok(self.delete(deployment).await),
            Step::Acquire { deployment, holder, size } => {
                let asked = self.asked(deployment, holder, size);
                self.last[deployment] = Some(asked.clone());
                self.acquire(asked).await
            }
            Step::Repeat { deployment } => match self.last[deployment].clone() {
                Some(asked) => self.acquire(asked).await,
                None => Ok("nothing to repeat".to_owned()),
            },
            Step::GiveBack { deployment, nth, parts, closed } => {
                Ok(self.give_back(deployment, nth, (parts, closed)).await)
            }
            Step::Overrun { deployment, nth, by } => Ok(self.overrun(deployment, nth, by).await),
            Step::KillMidway { after } => {
                self.midway = Some(after);
                Ok("armed".to_owned())
            }
            Step::Wait { span } => {
                tokio::time::sleep(span).await;
                Ok("waited".to_owned())
            }
            blow => self.strike(blow).await,
        }
    }

    async fn put(&mut self, deployment: usize, limit: Limits) -> String {
        let (id, window) = DEPLOYMENTS[deployment];
        let Amount { tokens, requests } = limit.window;
        let spec = DeploymentSpec {
            tpm_limit: Some(tokens),
            rpm_limit: Some(requests),
            window,
            limits: limit.long.map(Long::spec).into_iter().collect(),
            ..DeploymentSpec::default()
        };
        // While it is not answered, each may be in force.
        self.checker.change(id, Some(limit), false, clock::unix_ms());
        let answer = self.player.put(id, &spec).await;
        self.changed(id, Some(limit), &answer, &[200, 201])
    }

    async fn delete(&mut self, deployment: usize) -> String {
        let (id, _) = DEPLOYMENTS[deployment];
        self.checker.change(id, None, false, clock::unix_ms());
        let answer = self.player.delete(id).await;
        if self.servers.store.live.is_some() {
            tokio::time::sleep(HEARD).await;
        }
        // A repeat finds nothing.
        self.changed(id, None, &answer, &[200, 204, 404])
    }

    fn changed(&mut self, id: &str, limit: Limit, answer: &Answer, good: &[u16]) -> String {
        self.verdict.changes += 1;
        match answer.status() {
            Some(status) if good.contains(&status) => {
                self.checker.change(id, limit, true, clock::unix_ms());
            }
            said => {
                let last = &self.player.failure;
                let what = format!("{id}: a change is answered {said:?}; what failed last: {last}");
                self.checker.broken.push(what);
            }
        }
        format!("{:?}", answer.status())
    }

    /// What is asked for, by what is left as far as anybody knows.
    fn asked(&mut self, deployment: usize, holder: u8, size: Size) -> Asked {
        let (id, _) = DEPLOYMENTS[deployment];
        let now_ms = clock::unix_ms();
        let span = super::grant::Span { sent_ms: now_ms, came_ms: now_ms };
        let (min, want) = size.ask(self.checker.book(id).room(span));
        Asked {
            deployment: id.to_owned(),
            request: format!("holder-{holder}#{}", self.verdict.steps),
            tokens: Ask { min, want },
            requests: Ask { min: 1, want: 1 },
        }
    }

    async fn acquire(&mut self, asked: Asked) -> Result<String, HarnessError> {
        let midway = self.midway.take();
        let answer = match midway {
            Some(after) => self.interrupted(&asked, after).await?,
            None => self.player.acquire(&asked).await,
        };
        let span = answer.span;
        let lease = answer.lease();
        match &lease {
            Some(Ok(lease)) => {
                self.verdict.grants += 1;
                self.checker.granted(span, &asked, lease);
            }
            Some(Err(refusal)) => {
                self.verdict.refusals += 1;
                self.checker.refused(span, &asked, *refusal);
            }
            None => {
                self.verdict.unanswered += 1;
                if midway.is_none() {
                    let last = &self.player.failure;
                    let what = format!("R4: {asked:?}: nobody answered for {BOUND:?}: {last}");
                    self.checker.broken.push(what);
                }
                self.checker.unanswered(span, &asked);
            }
        }
        let said = lease.map(|lease| lease.map(|lease| (lease.lease_id, lease.tokens)));
        Ok(format!("{} {:?} -> {said:?}", asked.request, asked.tokens))
    }

    /// The servers are killed while it is on its way.
    async fn interrupted(
        &mut self,
        asked: &Asked,
        after: Duration,
    ) -> Result<Answer, HarnessError> {
        let servers = &mut self.servers;
        let kill = async {
            tokio::time::sleep(after).await;
            servers.kill()
        };
        let (answer, killed) = tokio::join!(self.player.ask_once(asked), kill);
        killed?;
        self.servers.start_again().await?;
        self.verdict.restarts += 1;
        Ok(answer)
    }

    async fn give_back(&mut self, deployment: usize, nth: usize, what: (u64, bool)) -> String {
        let (id, _) = DEPLOYMENTS[deployment];
        let Some((grant, lease)) = self.granted(id, nth) else { return "no lease".to_owned() };
        let (parts, closed) = what;
        let told = Amount { tokens: grant.amount.tokens * parts / 16, requests: 0 };
        let body = GiveBack { tokens: told.tokens, requests: 0, closed };
        if closed {
            self.checker.closed(id, &grant.request);
        }
        let answer = self.player.give_back(&lease, body).await;
        let given_back = answer.given_back();
        if answer.said.is_none() || given_back.is_some() {
            self.checker.given_back((id, &grant.request), told, given_back.as_ref());
        }
        format!(
            "{lease} {told:?} -> {:?} {:?}",
            answer.status(),
            given_back.map(|given| given.credited)
        )
    }

    async fn overrun(&mut self, deployment: usize, nth: usize, by: u64) -> String {
        let (id, _) = DEPLOYMENTS[deployment];
        let Some((grant, lease_id)) = self.granted(id, nth) else { return "no lease".to_owned() };
        let overrun = Amount { tokens: by, requests: 0 };
        let (holder, _) = grant.request.split_once('#').unwrap_or_default();
        let used = UsedItem { lease_id, tokens: 0, requests: 0, overrun };
        let answer = self.player.report(holder.to_owned(), used).await;
        self.checker.overrun((id, &grant.request), overrun, false);
        format!("{} by {by} -> {:?}", grant.request, answer.status())
    }

    fn granted(&mut self, id: &str, nth: usize) -> Option<(Grant, String)> {
        let grants = &self.checker.book(id).grants;
        let grant = grants.get(nth.checked_rem(grants.len())?)?.clone();
        let lease = grant.lease.clone()?;
        Some((grant, lease))
    }

    async fn strike(&mut self, blow: Step) -> Result<String, HarnessError> {
        let at = self.rng.random_range(0..self.servers.seats.len());
        if let Step::KillAll = blow {
            self.servers.kill()?;
            self.servers.start_again().await?;
            self.verdict.restarts += 1;
            return Ok("all are there again".to_owned());
        }
        let process = &mut self.servers.seats[at].server.process;
        match blow {
            Step::Pause { span } => {
                process.pause()?;
                tokio::time::sleep(span).await;
                process.resume()?;
                return Ok(format!("server {at} goes on"));
            }
            Step::Stop => drop(process.stop(STOPS).await?),
            _ => process.kill()?,
        }
        self.servers.seats[at].server.start_again().await?;
        self.verdict.restarts += 1;
        Ok(format!("server {at} is there again"))
    }
}
