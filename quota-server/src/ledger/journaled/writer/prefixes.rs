//! Whatever was done: after each commit the books that a recovery reads from the journal, the books
//! of a standby that followed it, and those of a standby that comes just now are the writer's.
//!
//! Operations are drawn at random, those of administrators among them; a failure names its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use quota_core::{
    Amount, BookPage, CalendarSpan, Event, HeldLease, LeaseId, Limit, Now, Period, PeriodLimit,
    PeriodLimits, PeriodStanding, Policy, RequestKey, Settlement, Unit, WindowKind, Wish,
};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{Semaphore, oneshot};

use super::super::books::Books;
use super::super::contract::memory::{Fault, MemoryJournal};
use super::super::follow::Follower;
use super::super::recovery::Replay;
use super::*;
use crate::clock::manual::ManualClock;
use crate::ledger::{Caller, LeaseRef, Op, Put, Reply};

/// So many games are played, unless others are asked for: see [`seeds`].
const SEEDS: u64 = 40;
const OPERATIONS: usize = 250;
const IDS: [&str; 3] = ["a", "b", "c"];
const SHARD: ShardNo = ShardNo::ALONE;

/// What counts of a book: all but who asked lately and what was denied, which no entry keeps.
#[derive(Debug, PartialEq)]
struct Essence {
    policy: Policy,
    pages: Vec<BookPage>,
    held: Vec<(HeldLease, Option<Caller>)>,
    late: Vec<(Event, Option<Caller>)>,
    spent: Vec<(Amount, Amount)>,
    periods: Vec<PeriodStanding>,
}

/// Of all books in which anything is charged or waited for.
fn essence(books: &Books, now: &Now) -> BTreeMap<u32, Essence> {
    let all = books.active.iter().filter_map(|no| {
        let mut book = books.slots.get(no)?.book()?.clone();
        let pages = book.pages(now).into_iter();
        let pages = pages.filter(|page| !page.granted.is_zero());
        let pages: Vec<_> = pages.map(|page| BookPage { denied: Amount::ZERO, ..page }).collect();
        let held = book.held(now).into_iter();
        let held = held.map(|held| (held, books.holders.find(held.holder).cloned())).collect();
        let late: Vec<_> =
            book.carried().map(|event| (event.clone(), holder_of(books, &event))).collect();
        let spent = [0, 1].map(|ahead| {
            let first = LeaseId { window: now.window.number + ahead, number: 0 };
            let standing = book.standing_with(first, now);
            (standing.outstanding, standing.overrun)
        });
        let periods = book.period_standings(now);
        let is_idle = pages.is_empty()
            && late.is_empty()
            && spent == [(Amount::ZERO, Amount::ZERO); 2]
            && periods.iter().all(|standing| standing.charged == 0);
        let spent = spent.to_vec();
        let policy = book.policy().clone();
        (!is_idle).then_some((*no, Essence { policy, pages, held, late, spent, periods }))
    });
    all.collect()
}

fn holder_of(books: &Books, event: &Event) -> Option<Caller> {
    match event {
        Event::Carried { late, .. } => books.holders.find(late.holder).cloned(),
        _ => None,
    }
}

/// A writer that is driven by hand, its journal, and a standby.
struct World {
    rng: SmallRng,
    clock: ManualClock,
    journal: MemoryJournal,
    writer: Writer<MemoryJournal>,
    standby: Follower,
    leases: Vec<LeaseRef>,
    requests: u128,
    /// What was granted of each deployment's windows, by what callers were told.
    granted: BTreeMap<(u32, u64), u64>,
}

/// Turns in steps so small that there is something between any two.
const STEPS: TurnStep = TurnStep { leases: 1, pages: 1, carried: 1 };

impl World {
    async fn new(seed: u64) -> Self {
        let (clock, mut journal) = (ManualClock::new(), MemoryJournal::default());
        let standby = Follower::new(journal.load().await.unwrap());
        let state = recover(&mut journal, SHARD).await.unwrap();
        let writer = writer(journal.clone(), state, &clock);
        let rng = SmallRng::seed_from_u64(seed);
        Self {
            rng,
            clock,
            journal,
            writer,
            standby,
            leases: Vec::new(),
            requests: 0,
            granted: BTreeMap::new(),
        }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..35 => self.acquire().await,
            35..50 => self.on_lease().await,
            50..62 => self.put().await,
            62..66 => self.delete().await,
            66..70 => self.denied().await,
            70..84 => self.clock.advance(self.rng.random_range(0..4_000)),
            84..89 => self.clock.advance(self.rng.random_range(55_000..200_000)),
            89..91 => self.serve(None).await,
            91..96 => self.restart().await,
            96..98 => self.take_over().await,
            _ => self.outage().await,
        }
    }

    async fn acquire(&mut self) {
        let deployment = self.id();
        let min = [10, 60, 150, 900][self.rng.random_range(0..4)];
        let want = Amount::new(min + self.rng.random_range(0..100), 1);
        self.requests += 1;
        let request = RequestKey(self.requests - self.rng.random_range(0..2));
        let ahead = self.rng.random_bool(0.2);
        let min = Amount::new(min, 1);
        let wish = Wish { request, min, want, ahead };
        let op = Op::Acquire { deployment: deployment.into(), wish };
        if let Some(Ok(Reply::Granted { lease, standing, granted })) = self.run(op).await {
            self.leases.push(lease);
            if !granted.repeated {
                let window = (lease.deployment, lease.lease.window);
                *self.granted.entry(window).or_default() += granted.amount.tokens();
            }
            let limit = self.writer.state.books.deployment(deployment).unwrap().policy.limit;
            assert!(
                granted.repeated || standing.outstanding.fits(limit.ceiling()),
                "{standing:?} above {limit:?}"
            );
        }
    }

    async fn on_lease(&mut self) {
        let Some(last) = self.leases.len().checked_sub(1) else { return };
        let lease = self.leases[last - self.rng.random_range(0..=last.min(9))];
        let amount = Amount::new(self.rng.random_range(0..60), 0);
        let op = if self.rng.random_bool(0.5) {
            lease.give_back(amount, self.rng.random_bool(0.3))
        } else {
            let overrun = Amount::new(self.rng.random_range(0..9), 0);
            lease.report(amount, overrun)
        };
        self.run(op).await;
    }

    async fn denied(&mut self) {
        let amount = Amount::new(self.rng.random_range(1..50), 1);
        let op = Op::Denied { deployment: self.id().into(), amount };
        self.run(op).await;
    }

    async fn put(&mut self) {
        let id = self.id();
        let kind = if self.rng.random_bool(0.8) { WindowKind::Minute } else { WindowKind::Rolling };
        let tokens = [50, 100, 200, 1_000, 3_000][self.rng.random_range(0..5)];
        let periods = self.periods();
        self.put_as(id, kind, tokens, periods).await;
    }

    /// None, one or two limits over longer periods. Some hour ends every twenty minutes.
    fn periods(&mut self) -> PeriodLimits {
        let offset_min = [0, 20, 40][self.rng.random_range(0..3)];
        let periods = [
            Period::Calendar { span: CalendarSpan::Hour, offset_min },
            Period::Rolling { secs: 600 },
        ];
        let mut limits = Vec::new();
        for period in periods {
            if self.rng.random_bool(0.4) {
                let most = [100, 900, 5_000, 50_000][self.rng.random_range(0..4)];
                limits.push(PeriodLimit { unit: Unit::Tokens, period, most });
            }
        }
        PeriodLimits::new(limits).expect("they are valid")
    }

    async fn put_as(&mut self, id: &str, kind: WindowKind, tokens: u64, periods: PeriodLimits) {
        let limit = Limit::new(Some(tokens), None);
        let (life_ms, settlement) = (2_000, Settlement::Refund);
        let policy = Policy { limit, kind, life_ms, guard_ms: 200, settlement, periods };
        let put = Put { id: id.into(), policy, details: "{}".into(), expected: None };
        let (answer, _answered) = oneshot::channel();
        self.serve(Some(Job::Put { put, answer })).await;
    }

    async fn delete(&mut self) {
        let (answer, _answered) = oneshot::channel();
        let id = self.id().into();
        self.serve(Some(Job::Delete { id, expected: None, answer })).await;
    }

    fn id(&mut self) -> &'static str {
        IDS[self.rng.random_range(0..IDS.len())]
    }

    fn window(&self) -> u64 {
        self.writer.state.books.turned
    }

    async fn run(&mut self, op: Op) -> Option<Result<Reply, crate::ledger::OpError>> {
        let (answer, mut answered) = oneshot::channel();
        let gateway = self.rng.random_range(0..5);
        let caller = Caller {
            credential: "token".into(),
            holder: format!("gw-{gateway}/{}", self.requests / 40).into(),
        };
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (ops, span) = (vec![op], Span::none());
        self.serve(Some(Job::Run { caller, ops, span, room, answer })).await;
        Some(answered.try_recv().ok()?.remove(0))
    }

    /// One batch, and a look at all books.
    async fn serve(&mut self, job: Option<Job>) {
        self.writer.serve(&mut job.into_iter().collect()).await;
        self.writer.serve(&mut Vec::new()).await;
        if self.writer.outage.is_none() {
            self.compare().await;
        }
    }

    async fn compare(&mut self) {
        let stamp = self.writer.time.stamp();
        let expected = essence(&self.writer.state.books, &stamp.now);
        let recovered = recover(&mut self.journal.clone(), SHARD).await.unwrap();
        assert!(recovered.faults.entries.is_empty(), "{:?}", recovered.faults);
        assert_eq!(essence(&recovered.books, &stamp.now), expected, "a recovery");
        assert_eq!(recovered.place.next_seq, self.writer.state.place.next_seq);
        assert_eq!(
            essence(&self.misled().await, &stamp.now),
            expected,
            "whatever is in the catalogue"
        );
        follow(&mut self.standby, &self.journal);
        assert_eq!(essence(self.standby.books(), &stamp.now), expected, "a standby");
        self.remembered();
        self.forgotten();
        let mut new = Follower::new(self.journal.load().await.unwrap());
        follow(&mut new, &self.journal);
        assert_eq!(essence(new.books(), &stamp.now), expected, "a standby that has just come");
    }

    /// What was granted is in a book, in a page that will be in the history, or there.
    fn remembered(&mut self) {
        let now = self.writer.time.stamp().now;
        let recent = now.window.number.saturating_sub(10);
        self.granted.retain(|(_, window), _| *window >= recent);
        for ((no, window), granted) in &self.granted {
            let books = &self.writer.state.books;
            let book = books.slots.get(no).and_then(|slot| slot.book().cloned());
            let live = book.into_iter().flat_map(|mut book| {
                let pages = book.pages(&now);
                pages.into_iter().chain(book.take_closed())
            });
            let closed = books.closed.pages.get(&(*no, *window)).copied();
            let stored = self.journal.disk().history.get(&(*no, *window)).copied();
            let mut pages = live.chain(closed).chain(stored);
            let is_there =
                |page: BookPage| page.window == *window && page.granted.tokens() >= *granted;
            assert!(pages.any(is_there), "{granted} of window {window} of {no} are nowhere");
        }
    }

    /// What the writer forgot the standby forgets.
    fn forgotten(&mut self) {
        let rows = self.journal.disk().deployments.clone();
        let still: Vec<u32> = rows.values().filter(|row| row.deleted).map(|row| row.no).collect();
        self.standby.still_there(&still);
        let numbers = |books: &Books| books.slots.keys().copied().collect::<BTreeSet<_>>();
        assert_eq!(numbers(self.standby.books()), numbers(&self.writer.state.books));
    }

    /// Books that were read beside a catalogue that says something else.
    async fn misled(&self) -> Books {
        let mut catalogue = self.journal.clone().load().await.unwrap();
        for row in &mut catalogue.deployments {
            row.policy.limit = Limit::new(Some(1), Some(1));
            row.policy.kind = WindowKind::Rolling;
        }
        let kept = catalogue.kept;
        let mut replay = Replay::new(SHARD, catalogue);
        let each = |seq, entry: &[u8]| replay.take_in(seq, entry);
        self.journal.clone().replay(kept.first_seq, each).await.unwrap();
        replay.books
    }

    async fn restart(&mut self) {
        if self.rng.random_bool(0.3) {
            self.clock.reboot(self.rng.random_range(0..400_000));
        }
        let state = recover(&mut self.journal, SHARD).await.unwrap();
        self.writer = writer(self.journal.clone(), state, &self.clock);
        self.serve(None).await;
    }

    /// The standby writes, and another stands by.
    async fn take_over(&mut self) {
        follow(&mut self.standby, &self.journal);
        let mut new = Follower::new(self.journal.load().await.unwrap());
        follow(&mut new, &self.journal);
        let oldest = self.journal.load().await.unwrap().oldest_seq;
        let state = std::mem::replace(&mut self.standby, new).recovered(oldest);
        self.writer = writer(self.journal.clone(), state, &self.clock);
        self.serve(None).await;
    }

    /// A commit fails, written or not, and the disk is mended.
    async fn outage(&mut self) {
        let fault = if self.rng.random_bool(0.5) { Fault::Before } else { Fault::After };
        self.journal.disk().fault = fault;
        self.acquire().await;
        self.journal.disk().fault = Fault::None;
        sleep(Duration::from_secs(2)).await;
        self.serve(None).await;
    }
}

fn writer(journal: MemoryJournal, state: Recovered, clock: &ManualClock) -> Writer<MemoryJournal> {
    let (_jobs, mailbox) = mpsc::channel(1);
    let shared = Shared {
        time: Arc::new(LedgerTime::start(Arc::new(clock.clone()), state.last)),
        health: Arc::new(Health::default()),
        history_windows: 15,
        lease_bytes: u64::MAX,
    };
    Writer { steps: STEPS, ..Writer::new(journal, SHARD, state, mailbox, shared) }
}

/// As a standby on PostgreSQL reads: entries, deployments as they are by then, where the journal
/// begins.
fn follow(standby: &mut Follower, journal: &MemoryJournal) {
    let disk = journal.disk();
    let rows = disk.deployments.values().cloned().collect();
    standby.deployments(rows, disk.last_deployment);
    for (seq, entry) in disk.entries.range(standby.next_seq()..) {
        standby.entry(*seq, entry, false).unwrap();
    }
    standby.keep(disk.kept);
}

/// More can be asked for: `QUOTA_JOURNAL_SEEDS=first..end`.
fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("QUOTA_JOURNAL_SEEDS") else { return 0..SEEDS };
    let (first, end) = asked.split_once("..").expect("first..end");
    first.parse().expect("a number")..end.parse().expect("a number")
}

async fn play(seed: u64, steps: usize) {
    let mut world = World::new(seed).await;
    for _ in 0..steps {
        world.step().await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_read_the_journal_have_the_writers_books() {
    for seed in seeds() {
        eprintln!("seed {seed}");
        play(seed, OPERATIONS).await;
    }
}

/// What is overrun on a lease of two windows before is charged for longer than that window's
/// entries are kept.
#[tokio::test(start_paused = true)]
async fn an_overrun_outlives_the_entries_of_its_lease() {
    let mut world = World::new(0).await;
    world.put_as("a", WindowKind::Rolling, 1_000, PeriodLimits::default()).await;
    let amount = Amount::new(100, 1);
    let wish = Wish { request: RequestKey(1), min: amount, want: amount, ahead: false };
    let op = Op::Acquire { deployment: "a".into(), wish };
    let Some(Ok(Reply::Granted { lease, .. })) = world.run(op).await else { panic!("no grant") };
    while world.window() < lease.lease.window + 2 {
        world.clock.advance(1_000);
        world.serve(None).await;
    }
    let (used, overrun) = (Amount::new(10, 1), Amount::new(20, 0));
    let reported = world.run(lease.report(used, overrun)).await;
    assert!(matches!(reported, Some(Ok(Reply::Used(_)))), "{reported:?}");
    for _ in 0..70 {
        world.clock.advance(1_000);
        world.serve(None).await;
    }
    assert!(world.window() > lease.lease.window + 2, "its window's entries are gone");
}
