//! Where a run takes place: servers on their machines, their store, holders, and who judges.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use quota_server::ledger::journaled::{OpenError, RecoveryError};
use quota_server::ledger::{LeaseRef, Ledger};
use quota_server::simulation::{Process, Server as Started, Store};
use tokio::time::{Duration, Instant, sleep};

use super::checker::{Checker, Rule};
use super::clock::Machine;
use super::coverage::{Boundary, Coverage};
use super::gateways::{Client, GATEWAYS};
use super::plan::Plan;

/// How long who starts servers waits after a start that failed.
const START_AGAIN: Duration = Duration::from_millis(500);

pub(super) type Site = Rc<World>;

/// Somebody starts a server; nobody does any more, also where it is given up half way.
struct Starting<'a>(&'a Cell<bool>);

impl<'a> Starting<'a> {
    fn of(is_starting: &'a Cell<bool>) -> Option<Self> {
        (!is_starting.replace(true)).then(|| Self(is_starting))
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) store: Store,
    pub(super) servers: Vec<Server>,
    pub(super) holders: Vec<RefCell<Holder>>,
    /// Gateways with the client's own machine.
    pub(super) clients: Vec<Client>,
    pub(super) began: Instant,
    pub(super) checker: RefCell<Checker>,
    pub(super) coverage: RefCell<Coverage>,
    /// The server that is asked first.
    pub(super) aim: Cell<usize>,
    /// The network loses and delays no more.
    pub(super) is_calm: Cell<bool>,
}

/// One server on its machine.
pub(super) struct Server {
    pub(super) machine: Machine,
    running: RefCell<Option<Running>>,
    /// Counts its lives.
    life: Cell<u64>,
    /// Nobody has asked it since its start.
    is_fresh: Cell<bool>,
    /// How many are about to start it.
    is_starting: Cell<bool>,
}

#[derive(Clone)]
struct Running {
    server: Rc<Started>,
    process: Process,
}

/// A gateway, as far as the ledger knows it.
#[derive(Debug, Default)]
pub(super) struct Holder {
    /// Which of its credentials it has.
    pub(super) credential: u64,
    pub(super) asks: Vec<Wish>,
    pub(super) leases: Vec<InHand>,
}

/// What a holder asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) request: u128,
    pub(super) credential: u64,
    pub(super) deployment: usize,
    pub(super) min: u64,
    pub(super) want: u64,
    pub(super) ahead: bool,
    pub(super) draws: u64,
}

/// A lease that a holder has.
#[derive(Debug, Clone, Copy)]
pub(super) struct InHand {
    pub(super) lease: LeaseRef,
    pub(super) credential: u64,
    pub(super) tokens: u64,
    /// What it draws, and so never gives back.
    pub(super) drawn: u64,
    pub(super) returned: u64,
    pub(super) overrun: u64,
}

impl World {
    pub(super) fn new(plan: &Plan, holders: usize) -> Site {
        let server = |number| Server {
            machine: Machine::new(number, plan.into_minute_ms),
            running: RefCell::new(None),
            life: Cell::new(0),
            is_fresh: Cell::new(true),
            is_starting: Cell::new(false),
        };
        Rc::new(Self {
            plan: plan.clone(),
            store: Store::new(plan.seed),
            servers: (0..plan.servers).map(server).collect(),
            clients: (0..GATEWAYS).map(|number| Client::new(plan, number)).collect(),
            began: Instant::now(),
            holders: (0..holders).map(|_| RefCell::default()).collect(),
            checker: RefCell::new(Checker::new()),
            coverage: RefCell::default(),
            aim: Cell::new(0),
            is_calm: Cell::new(false),
        })
    }

    pub(super) fn server(&self, number: usize) -> &Server {
        &self.servers[number % self.servers.len()]
    }

    /// The time since the beginning, µs.
    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// An operation came upon a boundary.
    pub(super) fn hit(&self, boundary: Boundary) {
        *self.coverage.borrow_mut().boundaries.entry(boundary.into()).or_default() += 1;
    }

    pub(super) fn holder(&self, number: usize) -> &RefCell<Holder> {
        &self.holders[number % self.holders.len()]
    }

    /// Starts a server; again and again while its store is away.
    pub(super) async fn start(&self, number: usize) {
        let server = self.server(number);
        if server.is_up() {
            return;
        }
        let Some(_starting) = Starting::of(&server.is_starting) else { return };
        let process = Process::new();
        loop {
            let started = self.launch(number, &process).await;
            self.checker.borrow_mut().looks_at(Rule::Starts);
            match started {
                Ok(running) => {
                    server.is_fresh.set(true);
                    server.life.set(server.life.get() + 1);
                    let running = Running { server: Rc::new(running), process };
                    *server.running.borrow_mut() = Some(running);
                    break;
                }
                Err(OpenError::Recovery { source: RecoveryError::Journal(_), .. })
                    if !self.is_calm.get() =>
                {
                    sleep(START_AGAIN).await;
                }
                Err(error) => {
                    self.checker.borrow_mut().breaks(Rule::Starts, error.to_string());
                    break;
                }
            }
        }
    }

    /// Kills a server, and one that is about to start once it has: then nobody runs on its store.
    pub(super) async fn end(&self, number: usize) {
        while self.server(number).is_starting.get() {
            sleep(Duration::from_millis(1)).await;
        }
        self.server(number).kill().await;
    }

    async fn launch(&self, number: usize, process: &Process) -> Result<Started, OpenError> {
        let server = self.server(number);
        let clock = Arc::new(server.machine.clone());
        if self.servers.len() == 1 {
            return Started::alone(&self.store, process, clock).await;
        }
        let name = format!("server {number}, life {}", server.life.get());
        Started::one_of_many(&self.store, process, clock, &name, &url(number)).await
    }
}

/// How a server is reached: by an address, so that no client looks a name up.
pub(super) fn url(number: usize) -> String {
    format!("http://10.0.0.{}:7700", number + 1)
}

impl Server {
    pub(super) fn is_up(&self) -> bool {
        self.running.borrow().is_some()
    }

    /// Its ledger and which of its lives it is, if it lives and can be reached.
    pub(super) fn ledger(&self) -> Option<(Arc<dyn Ledger>, u64)> {
        let running = self.running.borrow();
        running.as_ref().map(|running| (running.server.ledger(), self.life.get()))
    }

    pub(super) fn is_in_life(&self, life: u64) -> bool {
        self.is_up() && self.life.get() == life
    }

    /// Whether nobody has asked it since its start; asked once.
    pub(super) fn take_fresh(&self) -> bool {
        self.is_fresh.replace(false)
    }

    /// The machine starts anew.
    pub(super) fn reboot(&self) {
        self.machine.reboot();
    }

    pub(super) async fn kill(&self) {
        let running = self.running.borrow_mut().take();
        if let Some(running) = running {
            running.server.kill().await;
        }
    }

    pub(super) async fn stop(&self) {
        let running = self.running.borrow_mut().take();
        if let Some(running) = running {
            running.server.ledger().stop().await;
        }
    }

    pub(super) fn pause(&self, length: Duration) {
        if let Some(running) = &*self.running.borrow() {
            running.process.pause(length);
        }
    }
}
