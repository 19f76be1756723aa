//! A Redis with the library in it, whose clock is set by the test.

use quota_core::{Limit, PeriodLimits, Policy, Settlement, WindowKind};
use redis::{Cmd, Connection, Value};

use crate::ledger::Caller;
use crate::ledger::redis::book::{Answer, Call, Mark, Operation, Reply, Seen};
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::link::Trust;
use crate::ledger::redis::testing::TestRedis;
use crate::store::catalogue::Instance;

/// Some noon.
pub(super) const NOON_MS: u64 = 29_384_640 * 60_000;

/// One server's view of one book.
pub(super) struct World {
    pub(super) redis: Connection,
    pub(super) library: Library,
    pub(super) book: u32,
    pub(super) version: u64,
    pub(super) seen: Seen,
    pub(super) instance: Instance,
    pub(super) trust: Trust,
    /// The server's steady clock.
    pub(super) steady_ms: u64,
    /// Redis's clock.
    pub(super) wall_ms: u64,
}

pub(super) fn policy(kind: WindowKind, tokens: u64) -> Policy {
    Policy {
        limit: Limit::new(Some(tokens), None),
        kind,
        life_ms: if kind == WindowKind::Minute { 2_000 } else { 1_000 },
        guard_ms: 200,
        settlement: Settlement::Refund,
        periods: PeriodLimits::default(),
    }
}

pub(super) fn gw(holder: u32) -> Caller {
    Caller { credential: format!("key-{holder}").into(), holder: format!("gw-{holder}").into() }
}

/// A connection with the library loaded.
pub(super) fn connect(redis: &TestRedis, library: &Library) -> Connection {
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", redis.port)).unwrap();
    let mut connection = client.get_connection().unwrap();
    // One that came back from disk has it already.
    let _: Result<Value, _> =
        redis::cmd("FUNCTION").arg("LOAD").arg(&**library.code()).query(&mut connection);
    connection
}

/// Holds a Redis up with a script while this is done.
pub(super) fn busy<T>(port: u16, act: impl FnOnce() -> T) -> T {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let mut other = client.get_connection().unwrap();
    let threshold = |ms| redis::cmd("CONFIG").arg("SET").arg("busy-reply-threshold").arg(ms).take();
    threshold(1).exec(&mut other).unwrap();
    let script = std::thread::spawn(move || {
        let mut connection = client.get_connection().unwrap();
        let _killed: Result<Value, _> =
            redis::cmd("EVAL").arg("while true do end").arg(0).query(&mut connection);
    });
    while redis::cmd("PING").query::<Value>(&mut other).is_ok() {}
    let done = act();
    let _: Value = redis::cmd("SCRIPT").arg("KILL").query(&mut other).unwrap();
    script.join().unwrap();
    threshold(5_000).exec(&mut other).unwrap();
    done
}

impl World {
    /// A view of a book that may not be there yet.
    pub(super) fn of(redis: &TestRedis, book: u32) -> Self {
        Self::by(Library::with_manual_clock(), redis, book)
    }

    /// The view of a server with this library.
    pub(super) fn by(library: Library, redis: &TestRedis, book: u32) -> Self {
        let connection = connect(redis, &library);
        let mut world = Self {
            redis: connection,
            library,
            book,
            version: 1,
            seen: Seen::default(),
            instance: Instance::of(book.into()),
            trust: Trust::default(),
            steady_ms: 1_000_000,
            wall_ms: NOON_MS,
        };
        world.set_clock();
        world
    }

    /// Which process Redis is, as servers see it.
    pub(super) fn process(&mut self) -> String {
        let info: String = redis::cmd("INFO").arg("server").query(&mut self.redis).unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix("run_id:"));
        line.expect("it says so").trim().to_owned()
    }

    /// The same view, on a Redis that was restarted or took over.
    pub(super) fn reconnect(&mut self, redis: &TestRedis) {
        self.redis = connect(redis, &self.library);
        self.set_clock();
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.steady_ms += ms;
        self.wall_ms += ms;
        self.set_clock();
    }

    pub(super) fn step_wall(&mut self, ms: i64) {
        self.wall_ms = self.wall_ms.saturating_add_signed(ms);
        self.set_clock();
    }

    fn set_clock(&mut self) {
        let mut command = redis::cmd("FCALL");
        command.arg(self.library.function("set_clock")).arg(0).arg(self.wall_ms);
        let _: Value = command.query(&mut self.redis).unwrap();
    }

    pub(super) fn call(&self) -> Call {
        Call {
            book: self.book,
            version: self.version,
            hints: self.seen.hints(self.steady_ms),
            instance: self.instance,
            trust: self.trust.clone(),
        }
    }

    pub(super) fn send(&mut self, command: &Cmd) -> Reply {
        let value: Value = command.query(&mut self.redis).unwrap();
        self.learn(&value)
    }

    /// Reads an answer, and remembers what it says of the book.
    pub(super) fn learn(&mut self, value: &Value) -> Reply {
        let reply = Reply::read(value).unwrap_or_else(|_| panic!("not readable: {value:?}"));
        if let Reply::Here(mark, _) | Reply::Outdated(mark) = &reply {
            self.seen.learn(self.steady_ms, self.steady_ms, mark);
        }
        reply
    }

    /// Of a book that is there and up to date.
    pub(super) fn ask(&mut self, command: &Cmd) -> (Mark, Answer) {
        match self.send(command) {
            Reply::Here(mark, answer) => (mark, answer),
            other => panic!("no answer but {other:?}"),
        }
    }

    pub(super) fn open(&mut self, policy: &Policy, clean: bool) -> Mark {
        let command = self.call().open(&self.library, policy, clean);
        let (mark, answer) = self.ask(&command);
        assert_eq!(answer, Answer::Opened);
        mark
    }

    pub(super) fn configure(&mut self, policy: &Policy) -> Answer {
        self.version += 1;
        let command = self.call().configure(&self.library, policy);
        self.ask(&command).1
    }

    /// Runs one operation.
    pub(super) fn run(&mut self, holder: u32, operation: Operation) -> (Mark, Answer) {
        let command = self.call().run(&self.library, [(&gw(holder), operation)]);
        match self.ask(&command) {
            (mark, Answer::Ran(mut answers)) if answers.len() == 1 => (mark, answers.remove(0)),
            other => panic!("{other:?}"),
        }
    }
}
