//! What can happen next, and what comes of it: the rules of ARCHITECTURE.md, each in the few lines
//! that it takes here, and beside each what a [`Flaw`] makes of it.
//!
//! Time is the number of the open window. A lease of a window can be drawn from while it is open
//! and not after: that is what R6 brings about by counting an end from before the request and a
//! start from the answer.

use stateright::{Model, Property};

use crate::world::{Book, Budget, Held, Lease, Message, RequestId, Server, Store, TWO, World};

/// A rule left out, to see that the checker notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// R3: the rest of a lease is credited when it ends.
    CreditAtEnd,
    /// A commit does not look at the epoch.
    NoFence,
    /// R6: a lease's end is counted from its answer, so that it reaches into the next window.
    LateEnd,
    /// R5: a return is an increment.
    Increments,
    /// R4: a grant is answered before it is durable.
    AnswerFirst,
    /// R7: a store that lost writes is vouched for.
    Vouched,
    /// R8: the active server goes on with the limit that it had.
    OldLimit,
    /// R3: a holder draws from what it has given back.
    Readopted,
    /// R5: a repeated request is another one.
    Forgetful,
}

/// The protocol, for so many windows and this budget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    pub(crate) windows: u8,
    pub(crate) limit: u8,
    /// The limits that may be put.
    pub(crate) limits: [u8; 2],
    /// How many requests each holder makes; the first is for 2, others for 1.
    pub(crate) requests: u8,
    pub(crate) budget: Budget,
    pub(crate) flaw: Option<Flaw>,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A holder asks for a lease of this window.
    Ask(u8, u8),
    /// A message arrives, at this server if it is for one.
    Deliver(usize, Message),
    Draw(usize, Held),
    GiveBack(usize, Held),
    /// A lease's life is over before its window is.
    End(usize, Held),
    /// A holder forgets everything.
    HolderCrash(usize),
    /// A server takes over: the other one crashed, or was only slow.
    Elect(usize),
    /// An active server is told a new limit.
    Put(usize, u8),
    /// The next window opens.
    Turn,
    /// What a replica of the store has heard so far.
    Copy,
    /// That replica is promoted.
    RollBack,
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.limit, self.budget)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        for message in &world.network {
            let ends = if let Message::Granted { .. } = message { 1 } else { TWO };
            steps.extend((0..ends).map(|server| Step::Deliver(server, *message)));
        }
        for (number, holder) in world.holders.iter().enumerate() {
            for held in holder.leases.iter().filter(|held| !held.is_over) {
                let held = *held;
                steps.extend([
                    Step::Draw(number, held),
                    Step::GiveBack(number, held),
                    Step::End(number, held),
                ]);
            }
            steps.push(Step::HolderCrash(number));
        }
        for holder in 0..2 {
            steps.extend([Step::Ask(holder, world.window), Step::Ask(holder, world.window + 1)]);
        }
        for server in 0..TWO {
            steps.push(Step::Elect(server));
            steps.extend(self.limits.map(|limit| Step::Put(server, limit)));
        }
        steps.extend([Step::Turn, Step::Copy, Step::RollBack]);
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Ask(holder, window) => self.ask(&mut world, holder, window)?,
            Step::Deliver(server, message) => self.deliver(&mut world, server, message)?,
            Step::Draw(holder, held) => draw(&mut world, holder, held)?,
            Step::GiveBack(holder, held) => self.give_back(&mut world, holder, held)?,
            Step::End(holder, held) => self.end(&mut world, holder, held)?,
            Step::HolderCrash(holder) => crash(&mut world, holder)?,
            Step::Elect(server) => self.elect(&mut world, server)?,
            Step::Put(server, limit) => self.put(&mut world, server, limit)?,
            Step::Turn => self.turn(&mut world)?,
            Step::Copy => copy(&mut world)?,
            Step::RollBack => roll_back(&mut world)?,
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::rules::properties()
    }
}

impl Protocol {
    fn ask(&self, world: &mut World, holder: u8, window: u8) -> Option<()> {
        let asker = &mut world.holders[usize::from(holder)];
        let number = asker.asked;
        if number >= self.requests || window >= self.windows {
            return None;
        }
        asker.asked += 1;
        let request = RequestId { holder, number };
        let amount = if number == 0 { 2 } else { 1 };
        world.network.insert(Message::Ask { request, window, amount });
        Some(())
    }

    fn deliver(&self, world: &mut World, server: usize, message: Message) -> Option<()> {
        match message {
            Message::Ask { request, window, amount } => {
                self.acquire(world, server, Lease { request, window, amount, given_back: 0 })
            }
            Message::GiveBack { request, window, total } => {
                self.credit(world, server, (request, window), total)
            }
            Message::Granted { request, window, amount } => take(world, request, window, amount),
        }
    }

    fn acquire(&self, world: &mut World, server: usize, lease: Lease) -> Option<()> {
        let Lease { request, window, amount, .. } = lease;
        let Server::Active(_, book) = &world.servers[server] else { return None };
        let known = book.lease(request, window).filter(|_| self.flaw != Some(Flaw::Forgetful));
        if known.is_none() {
            if window < world.window || window < book.vouched_from {
                return None;
            }
            if book.room(window) < amount {
                return self.deny(world, server, lease);
            }
            self.commit(world, server, |book| {
                book.leases.insert(lease);
            })?;
            let outstanding = &mut world.truth.outstanding[usize::from(window)];
            *outstanding += amount;
            world.truth.has_granted_over |= *outstanding > world.truth.limit;
        }
        world.network.insert(Message::Granted { request, window, amount });
        Some(())
    }

    /// Nothing changes. A server that was replaced and does not know it yet may deny what it likes.
    fn deny(&self, world: &mut World, server: usize, lease: Lease) -> Option<()> {
        let Server::Active(epoch, book) = &world.servers[server] else { return None };
        let (truth, window) = (&world.truth, usize::from(lease.window));
        let on_its_way = truth.taken_out[window].saturating_sub(truth.credited[window]);
        let charged = truth.outstanding[window] + on_its_way;
        let has_room = charged + lease.amount <= truth.limit;
        let is_active = *epoch == world.store.epoch && lease.window >= book.vouched_from;
        if !is_active || !has_room {
            return None;
        }
        world.truth.has_denied_wrongly = true;
        Some(())
    }

    /// Running totals, merged by maximum; nothing once the window is over.
    fn credit(
        &self,
        world: &mut World,
        server: usize,
        (request, window): (RequestId, u8),
        total: u8,
    ) -> Option<()> {
        let Server::Active(_, book) = &world.servers[server] else { return None };
        let lease = book.lease(request, window).filter(|_| window >= world.window)?;
        let given_back = match self.flaw {
            Some(Flaw::Increments) => (lease.given_back + total).min(lease.amount + 1),
            _ => lease.given_back.max(total),
        };
        self.commit(world, server, |book| book.credit(lease, given_back))?;
        world.truth.credited[usize::from(window)] += given_back - lease.given_back;
        Some(())
    }

    /// The one door to the store: a server whose epoch is not the store's writes nothing, and
    /// stands by from then on.
    fn commit(&self, world: &mut World, server: usize, change: impl Fn(&mut Book)) -> Option<()> {
        let Server::Active(epoch, book) = &mut world.servers[server] else { return None };
        if *epoch != world.store.epoch && self.flaw != Some(Flaw::NoFence) {
            world.servers[server] = Server::Standby;
            return None;
        }
        change(book);
        if self.flaw != Some(Flaw::AnswerFirst) {
            change(&mut world.store.book);
        }
        Some(())
    }

    fn give_back(&self, world: &mut World, holder: usize, held: Held) -> Option<()> {
        let Held { request, window, left, returned, .. } = held;
        if left == 0 {
            return None;
        }
        let total = returned + left;
        let kept = if self.flaw == Some(Flaw::Readopted) { left } else { 0 };
        replace(world, holder, held, Held { left: kept, returned: total, ..held });
        let at = usize::from(window);
        world.truth.taken_out[at] += left;
        world.truth.outstanding[at] = world.truth.outstanding[at].saturating_sub(left);
        world.network.insert(Message::GiveBack { request, window, total });
        Some(())
    }

    /// The holder draws no more; what it drew stays charged, and what it did not.
    fn end(&self, world: &mut World, holder: usize, held: Held) -> Option<()> {
        replace(world, holder, held, Held { is_over: true, left: 0, ..held });
        if self.flaw == Some(Flaw::CreditAtEnd) {
            for server in 0..TWO {
                let Server::Active(epoch, book) = &world.servers[server] else { continue };
                let is_active = *epoch == world.store.epoch;
                if let Some(lease) = book.lease(held.request, held.window).filter(|_| is_active) {
                    self.commit(world, server, |book| book.credit(lease, lease.amount))?;
                }
            }
        }
        Some(())
    }

    /// The store says what the book is; where it lost writes, neither the open window nor the next,
    /// which may have been asked for ahead, can be vouched for.
    fn elect(&self, world: &mut World, server: usize) -> Option<()> {
        world.budget.elections = world.budget.elections.checked_sub(1)?;
        let Store { epoch, is_foreign, book } = &mut world.store;
        *epoch += 1;
        if std::mem::take(is_foreign) && self.flaw != Some(Flaw::Vouched) {
            book.vouched_from = world.window + 2;
        }
        world.servers[server] = Server::Active(*epoch, book.clone());
        Some(())
    }

    fn put(&self, world: &mut World, server: usize, limit: u8) -> Option<()> {
        world.budget.puts = world.budget.puts.checked_sub(1)?;
        let Server::Active(_, before) = world.servers[server].clone() else { return None };
        self.commit(world, server, |book| book.limit = limit)?;
        if let (Some(Flaw::OldLimit), Server::Active(_, book)) =
            (self.flaw, &mut world.servers[server])
        {
            book.limit = before.limit;
        }
        world.enforce(limit);
        Some(())
    }

    fn turn(&self, world: &mut World) -> Option<()> {
        if world.window + 1 >= self.windows {
            return None;
        }
        world.window += 1;
        let limit = world.truth.limit;
        world.enforce(limit);
        if self.flaw != Some(Flaw::LateEnd) {
            for holder in &mut world.holders {
                holder.leases = holder.leases.iter().map(|held| held.at(world.window)).collect();
            }
        }
        Some(())
    }
}

impl Held {
    fn at(self, window: u8) -> Self {
        if self.window < window { Self { is_over: true, left: 0, ..self } } else { self }
    }
}

/// A grant arrives: once for each lease, not for what was asked before a crash, and not once its
/// window is over.
fn take(world: &mut World, request: RequestId, window: u8, amount: u8) -> Option<()> {
    let holder = &mut world.holders[usize::from(request.holder)];
    let is_known =
        holder.leases.iter().any(|held| (held.request, held.window) == (request, window));
    if is_known || request.number < holder.since || window < world.window {
        return None;
    }
    holder.leases.insert(Held { request, window, left: amount, returned: 0, is_over: false });
    Some(())
}

fn draw(world: &mut World, holder: usize, held: Held) -> Option<()> {
    if held.left == 0 || held.window > world.window {
        return None;
    }
    replace(world, holder, held, Held { left: held.left - 1, ..held });
    world.truth.drawn[usize::from(world.window)] += 1;
    Some(())
}

fn replace(world: &mut World, holder: usize, held: Held, by: Held) {
    let leases = &mut world.holders[holder].leases;
    leases.remove(&held);
    leases.insert(by);
}

fn crash(world: &mut World, holder: usize) -> Option<()> {
    world.budget.holder_crashes = world.budget.holder_crashes.checked_sub(1)?;
    let holder = &mut world.holders[holder];
    holder.leases.clear();
    holder.since = holder.asked;
    Some(())
}

fn copy(world: &mut World) -> Option<()> {
    if world.budget.rollbacks == 0 || world.copy.is_some() {
        return None;
    }
    world.copy = Some(world.store.clone());
    Some(())
}

/// Connections to what the store was break, so nobody is active until an election. The limit in
/// force is what the store says.
fn roll_back(world: &mut World) -> Option<()> {
    let copy = world.copy.take()?;
    world.budget.rollbacks = world.budget.rollbacks.checked_sub(1)?;
    world.store = Store { is_foreign: true, ..copy };
    world.servers = [Server::Standby, Server::Standby];
    world.truth.credited = world.store.book.credited();
    let limit = world.store.book.limit;
    world.enforce(limit);
    Some(())
}
