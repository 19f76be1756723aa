//! What there is at one moment: a store, servers, holders, messages, and what really happened.

use std::collections::BTreeSet;

/// Servers, and holders.
pub(crate) const TWO: usize = 2;
/// The most windows that a model has.
pub(crate) const MOST_WINDOWS: usize = 3;

/// A sum for each window.
pub(crate) type Sums = [u8; MOST_WINDOWS];

/// Names a request for ever, and so its lease: a holder's number, and a count that goes on over its
/// crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestId {
    pub(crate) holder: u8,
    pub(crate) number: u8,
}

/// A lease, as a book has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lease {
    pub(crate) request: RequestId,
    pub(crate) window: u8,
    pub(crate) amount: u8,
    /// What was credited of it.
    pub(crate) given_back: u8,
}

/// The book of one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Book {
    pub(crate) limit: u8,
    pub(crate) leases: BTreeSet<Lease>,
    /// The first window that may be granted from.
    pub(crate) vouched_from: u8,
}

/// The store: what is durable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    /// Of the server that may write.
    pub(crate) epoch: u8,
    /// Whether writes were lost since a server last vouched for it.
    pub(crate) is_foreign: bool,
    pub(crate) book: Book,
}

/// A server: it stands by, or believes that it is active.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Server {
    Standby,
    /// By this epoch, with this book in memory.
    Active(u8, Book),
}

/// A lease, as its holder has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Held {
    pub(crate) request: RequestId,
    pub(crate) window: u8,
    /// What can still be drawn from it.
    pub(crate) left: u8,
    /// What was taken out of it to be given back: a running total.
    pub(crate) returned: u8,
    pub(crate) is_over: bool,
}

/// A holder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Holder {
    /// How many requests it has made, those before a crash included.
    pub(crate) asked: u8,
    /// Requests with a lower number are of before its crash.
    pub(crate) since: u8,
    pub(crate) leases: BTreeSet<Held>,
}

/// What is on its way. It stays there: it may arrive never, or again and again, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Message {
    Ask { request: RequestId, window: u8, amount: u8 },
    Granted { request: RequestId, window: u8, amount: u8 },
    GiveBack { request: RequestId, window: u8, total: u8 },
}

/// What really happened, which no book is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Truth {
    /// The limit in force, and the highest that was in force while a window could be granted from:
    /// while it was open or the next one.
    pub(crate) limit: u8,
    pub(crate) highest: Sums,
    /// Granted, less what holders took out of their leases to give it back.
    pub(crate) outstanding: Sums,
    /// What holders took out of their leases to give it back, and what of it books credited.
    pub(crate) taken_out: Sums,
    pub(crate) credited: Sums,
    pub(crate) drawn: Sums,
    /// A grant that the limit in force had no room for.
    pub(crate) has_granted_over: bool,
    /// A denial of what there was room for, in a window that can be vouched for.
    pub(crate) has_denied_wrongly: bool,
}

/// How often what is rare may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Elections: a crash of a server is followed by one.
    pub(crate) elections: u8,
    pub(crate) holder_crashes: u8,
    pub(crate) puts: u8,
    pub(crate) rollbacks: u8,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// The window that is open.
    pub(crate) window: u8,
    pub(crate) store: Store,
    /// An earlier state of the store, that it may be rolled back to.
    pub(crate) copy: Option<Store>,
    pub(crate) servers: [Server; TWO],
    pub(crate) holders: [Holder; TWO],
    pub(crate) network: BTreeSet<Message>,
    pub(crate) truth: Truth,
    pub(crate) budget: Budget,
}

impl Book {
    pub(crate) fn lease(&self, request: RequestId, window: u8) -> Option<Lease> {
        self.leases.iter().find(|one| one.request == request && one.window == window).copied()
    }

    /// What there is room for in a window.
    pub(crate) fn room(&self, window: u8) -> u8 {
        let of_window = self.leases.iter().filter(|lease| lease.window == window);
        let outstanding =
            of_window.map(|lease| lease.amount.saturating_sub(lease.given_back)).sum();
        self.limit.saturating_sub(outstanding)
    }

    /// What was credited of all leases.
    pub(crate) fn credited(&self) -> Sums {
        let mut sums = Sums::default();
        for lease in &self.leases {
            sums[usize::from(lease.window)] += lease.given_back;
        }
        sums
    }

    /// Enters what was credited of a lease.
    pub(crate) fn credit(&mut self, lease: Lease, given_back: u8) {
        self.leases.remove(&lease);
        self.leases.insert(Lease { given_back, ..lease });
    }
}

impl World {
    pub(crate) fn new(limit: u8, budget: Budget) -> Self {
        let book = Book { limit, leases: BTreeSet::new(), vouched_from: 0 };
        let mut world = Self {
            window: 0,
            store: Store { epoch: 1, is_foreign: false, book: book.clone() },
            copy: None,
            servers: [Server::Active(1, book), Server::Standby],
            holders: [Holder::default(), Holder::default()],
            network: BTreeSet::new(),
            truth: Truth::default(),
            budget,
        };
        world.enforce(limit);
        world
    }

    /// The limit that is in force from now on.
    pub(crate) fn enforce(&mut self, limit: u8) {
        self.truth.limit = limit;
        let open = usize::from(self.window);
        for highest in self.truth.highest.iter_mut().skip(open).take(2) {
            *highest = (*highest).max(limit);
        }
    }
}
