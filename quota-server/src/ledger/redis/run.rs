//! Operations of one caller: those of one deployment go in one call to its book (`desk.rs`: with
//! those of others, if it is busy).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use quota_core::Refusal;
use tokio::sync::SemaphorePermit;

use super::Inner;
use super::book::{Answer, MOST_OPERATIONS, Operation};
use super::books::Errand;
use super::desk::{self, CallTurn, Entered, Ran};
use super::register::Known;
use crate::ledger::{Caller, LeaseRef, Op, OpError, Reply, Unavailable};
use crate::metrics;

type CallOutcome = Result<Reply, OpError>;

impl Inner {
    pub(super) async fn run(self: &Arc<Self>, caller: &Caller, ops: &[Op]) -> Vec<CallOutcome> {
        let _permit = match self.begin() {
            Ok(permit) => permit,
            Err(away) => return ops.iter().map(|_| Err(away.clone().into())).collect(),
        };
        let mut outcomes = Outcomes::new(ops.len());
        let mut groups = Groups::default();
        for (at, op) in ops.iter().enumerate() {
            match self.find(op).await {
                Ok(known) => groups.add(known, at),
                Err(none) => outcomes.set(at, Err(none)),
            }
        }
        self.run_groups(caller, ops, &groups, &mut outcomes).await;
        outcomes.all()
    }

    /// Groups whose turn it is go in one message; the others go with those of other callers.
    async fn run_groups(
        self: &Arc<Self>,
        caller: &Caller,
        ops: &[Op],
        groups: &Groups,
        outcomes: &mut Outcomes,
    ) {
        let (mut now, mut turns, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for group in &groups.0 {
            match self.enter(&group.known, caller, || group.operations(ops)) {
                Entered::Now(turn) => {
                    now.push(group);
                    turns.push(turn);
                }
                Entered::Later(answered) => later.push((group, answered)),
            }
        }
        for (group, answer) in now.iter().zip(self.run_now(caller, ops, &now, turns).await) {
            group.settle(desk::ran(answer), outcomes);
        }
        for (group, answered) in later {
            group.settle(answered.await.unwrap_or(Err(Unavailable::CannotWrite)), outcomes);
        }
    }

    /// In one message, where they go to one Redis. The shards of a cluster answer each for itself:
    /// nobody's turn waits for a shard that is not its own.
    async fn run_now(
        self: &Arc<Self>,
        caller: &Caller,
        ops: &[Op],
        groups: &[&Group],
        turns: Vec<CallTurn>,
    ) -> Vec<Result<Answer, Unavailable>> {
        if !self.books.link.is_cluster() {
            let errands = groups.iter().map(|group| group.errand(caller, ops));
            let answers = self.books.run(&errands.collect::<Vec<_>>()).await;
            drop(turns);
            return answers;
        }
        let each = groups.iter().zip(turns).map(|(group, turn)| async move {
            let answer = self.books.ask(group.errand(caller, ops)).await;
            drop(turn);
            answer
        });
        join_all(each).await
    }

    /// A place among the calls that are under way.
    pub(super) fn begin(&self) -> Result<SemaphorePermit<'_>, Unavailable> {
        if self.draining.is_cancelled() {
            return Err(Unavailable::Stopping);
        }
        if !self.may_grant() {
            return Err(Unavailable::CannotWrite);
        }
        self.permits.try_acquire().map_err(|_full| Unavailable::Overloaded)
    }

    async fn find(&self, op: &Op) -> Result<Arc<Known>, OpError> {
        match op {
            Op::Acquire { deployment, .. } | Op::Denied { deployment, .. } => {
                self.live(deployment).await?.ok_or(OpError::NoSuchDeployment)
            }
            Op::GiveBack { deployment, .. } | Op::Use { deployment, .. } => {
                self.numbered(*deployment).await
            }
        }
    }

    /// The deployment of a lease.
    async fn numbered(&self, no: u32) -> Result<Arc<Known>, OpError> {
        if let Some(known) = self.register.numbered(no) {
            return Ok(known);
        }
        self.refresh_for_unknown().await?;
        let none = OpError::Refused { refusal: Refusal::NoSuchLease, standing: None };
        self.register.numbered(no).ok_or(none)
    }

    /// A deployment by its id. One that is not known here may have been made by another server.
    pub(super) async fn live(&self, id: &str) -> Result<Option<Arc<Known>>, Unavailable> {
        if let Some(known) = self.register.live(id) {
            return Ok(Some(known));
        }
        self.refresh_for_unknown().await?;
        Ok(self.register.live(id))
    }

    /// By a reading of the catalogue that begins now or later: another server may have answered a
    /// put a moment ago. However many are asked for that nobody knows, one reading is under way.
    async fn refresh_for_unknown(&self) -> Result<(), Unavailable> {
        self.readings.read(|| self.refresh()).await
    }

    /// Takes in what changed in the catalogue.
    pub(super) async fn refresh(&self) -> Result<(), Unavailable> {
        let (revision, asked_ms) = (self.register.revision(), self.steady_ms());
        let news = self.catalogue.since(revision).await;
        let was_read = self.catalogue_read.swap(news.is_ok(), Ordering::AcqRel);
        metrics::catalogue_away(news.is_err());
        let news = news.map_err(|error| {
            if was_read {
                tracing::warn!(%error, "the catalogue cannot be read: what is known of it holds");
            }
            Unavailable::CannotWrite
        })?;
        self.register.enter(news, revision, self.steady_ms());
        self.books.read_ms.fetch_max(asked_ms, Ordering::AcqRel);
        Ok(())
    }

    /// What waits while the catalogue cannot be read, in words for who runs the server.
    pub(super) fn catalogue_trouble(&self) -> Option<String> {
        if self.catalogue_read.load(Ordering::Acquire) {
            return None;
        }
        let read_ms = self.books.read_ms.load(Ordering::Acquire);
        let away_s = self.steady_ms().saturating_sub(read_ms) / 1_000;
        Some(format!(
            "the catalogue cannot be read for {away_s} s: deployments that this server knows go on; changes, others and the history wait"
        ))
    }

    /// This server's steady clock.
    pub(super) fn steady_ms(&self) -> u64 {
        self.books.clock.reading().steady_ms
    }
}

/// What came of each operation, as far as it is known.
struct Outcomes(Vec<CallOutcome>);

impl Outcomes {
    /// Of all that is not told, nobody knows.
    fn new(count: usize) -> Self {
        Self((0..count).map(|_| Err(Unavailable::CannotWrite.into())).collect())
    }

    fn set(&mut self, at: usize, outcome: CallOutcome) {
        self.0[at] = outcome;
    }

    fn all(self) -> Vec<CallOutcome> {
        self.0
    }
}

/// The operations of each deployment, in their order.
#[derive(Default)]
struct Groups(Vec<Group>);

/// Operations of one deployment, by their places among all.
struct Group {
    known: Arc<Known>,
    places: Vec<usize>,
}

impl Groups {
    fn add(&mut self, known: Arc<Known>, at: usize) {
        // The last group of a deployment may be full. A holder has few deployments: no map.
        let no = known.entry.row.no;
        let group = self.0.iter_mut().rev().find(|group| group.known.entry.row.no == no);
        match group {
            Some(group) if group.places.len() < MOST_OPERATIONS => group.places.push(at),
            _ => self.0.push(Group { known, places: vec![at] }),
        }
    }
}

impl Group {
    fn operations(&self, ops: &[Op]) -> Vec<Operation> {
        self.places.iter().map(|at| operation(&ops[*at])).collect()
    }

    fn errand<'a>(&'a self, caller: &'a Caller, ops: &'a [Op]) -> Errand<'a> {
        Errand::new(self.known.clone(), move |call, library| {
            let operations = self.places.iter().map(|at| (caller, operation(&ops[*at])));
            call.run(library, operations)
        })
    }

    fn settle(&self, ran: Ran, outcomes: &mut Outcomes) {
        match ran {
            Ok(answers) => {
                for (at, answer) in self.places.iter().zip(answers) {
                    outcomes.set(*at, reply(self.known.entry.row.no, answer));
                }
            }
            Err(away) => {
                self.places.iter().for_each(|at| outcomes.set(*at, Err(away.clone().into())));
            }
        }
    }
}

fn operation(op: &Op) -> Operation {
    match *op {
        Op::Acquire { wish, .. } => Operation::Acquire(wish),
        Op::GiveBack { give_back, .. } => Operation::GiveBack(give_back),
        Op::Use { report, .. } => Operation::Use(report),
        Op::Denied { amount, .. } => Operation::Denied(amount),
    }
}

fn reply(deployment: u32, answer: Answer) -> CallOutcome {
    match answer {
        Answer::Granted(granted, standing) => {
            let lease = LeaseRef { deployment, lease: granted.lease };
            Ok(Reply::Granted { lease, granted, standing })
        }
        Answer::Returned(returned) => Ok(Reply::Returned(returned)),
        Answer::Used(used) => Ok(Reply::Used(used)),
        Answer::Noted => Ok(Reply::Noted),
        Answer::Refused(refusal, standing) => Err(OpError::Refused { refusal, standing }),
        Answer::NotYourLease => Err(OpError::NotYourLease),
        other => {
            tracing::error!(?other, "the book answers what it was not asked");
            Err(Unavailable::CannotWrite.into())
        }
    }
}
