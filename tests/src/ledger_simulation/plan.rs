//! What happens in a run: a list of steps, each of which stands for itself, so that any of them can
//! be left out.

use std::hash::{Hash, Hasher};

use strum::{IntoStaticStr, VariantNames};
use xxhash_rust::xxh3::Xxh3;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What the fates of messages and the times of the store follow from.
    pub seed: u64,
    /// Servers: one has its store to itself, several share one.
    pub servers: usize,
    /// How far into a wall minute it begins, ms.
    pub into_minute_ms: u64,
    /// A network that loses, repeats and delays.
    pub is_rough: bool,
    /// How long the steps go on, ms.
    pub length_ms: u64,
    /// What happens, by time.
    pub steps: Vec<Step>,
}

/// Something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// When, ms from the beginning.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

/// What can happen. Deployments, holders and servers are numbers from 0 on; `back` counts from the
/// newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantNames)]
pub enum What {
    /// A holder asks for tokens, and one request with them.
    Acquire {
        /// Who.
        holder: usize,
        /// Of what.
        deployment: usize,
        /// This or nothing.
        min: u64,
        /// At most.
        want: u64,
        /// Of the next window.
        ahead: bool,
        /// How much of a lease it draws, in percent.
        draws: u64,
    },
    /// A holder asks again what it asked before, under the same id.
    Repeat {
        /// Who.
        holder: usize,
        /// Which of its asks.
        back: usize,
    },
    /// A holder gives back what it has not drawn, or a part of it.
    Return {
        /// Who.
        holder: usize,
        /// Which of its leases.
        back: usize,
        /// How much of the rest.
        percent: u64,
        /// No more draws.
        closed: bool,
    },
    /// A holder reports what it used.
    Report {
        /// Who.
        holder: usize,
        /// Which of its leases.
        back: usize,
        /// Used above the lease.
        overrun: u64,
    },
    /// A holder gives back what it never had.
    Forge {
        /// Who.
        holder: usize,
        /// Whose lease.
        of: usize,
        /// Which of them.
        back: usize,
    },
    /// A holder tells of draws that it denied.
    Deny {
        /// Who.
        holder: usize,
        /// Of what.
        deployment: usize,
    },
    /// A request comes to a gateway that has the client's own machine.
    Request {
        /// Which.
        gateway: usize,
        /// What it reserves.
        tokens: u64,
        /// How much of that it uses.
        percent: u64,
        /// How long it takes, ms.
        takes_ms: u64,
    },
    /// Somebody makes or changes a deployment.
    Put {
        /// Which.
        deployment: usize,
        /// Tokens a window.
        tokens: u64,
        /// Requests a window.
        requests: Option<u64>,
        /// Any 60 s instead of the minute.
        rolling: bool,
    },
    /// Somebody makes or changes a deployment, with a limit over a longer period beside the
    /// minute's.
    PutPeriod {
        /// Which.
        deployment: usize,
        /// Tokens a minute.
        tokens: u64,
        /// Tokens in any ten minutes.
        most: u64,
    },
    /// Somebody deletes a deployment.
    Delete {
        /// Which.
        deployment: usize,
    },
    /// Somebody looks at all there is.
    Look,
    /// A holder's credential is replaced.
    Revoke {
        /// Whose.
        holder: usize,
    },
    /// A server dies and is started again; what its file declares is put first.
    Kill {
        /// Which.
        server: usize,
        /// How long it is down, ms.
        down_ms: u64,
        /// The whole machine was started again.
        reboots: bool,
        /// A declared limit of deployment 0; 0 for none.
        declares: u64,
    },
    /// A server stops in good order and is started again.
    Restart {
        /// Which.
        server: usize,
        /// How long it is down, ms.
        down_ms: u64,
    },
    /// A server's process does nothing for a while.
    Pause {
        /// Which.
        server: usize,
        /// For how long, ms.
        for_ms: u64,
    },
    /// A server's machine stands still, its steady clock too.
    Suspend {
        /// Which.
        server: usize,
        /// For how long, ms.
        for_ms: u64,
    },
    /// A server's wall clock is stepped.
    StepWall {
        /// Whose.
        server: usize,
        /// By how much, ms.
        by_ms: i64,
    },
    /// A server's clocks run so much too fast from now on.
    Drift {
        /// Whose.
        server: usize,
        /// Parts in a million.
        ppm: i64,
    },
    /// The next commit fails, unwritten.
    CommitFails,
    /// The next commit is written and reported as failed.
    CommitFailsWritten,
    /// The next commit is reported as failed and written later.
    CommitWrittenLater {
        /// How much later, ms.
        by_ms: u64,
    },
    /// The next commit takes long.
    CommitSlow {
        /// How long, ms.
        by_ms: u64,
    },
    /// The next commit is written, and so long nobody is told.
    CommitSilent {
        /// How long, ms.
        by_ms: u64,
    },
    /// The store answers nothing for a while.
    StoreAway {
        /// For how long, ms.
        for_ms: u64,
    },
    /// The server dies, an earlier copy of its data is put back, and it is started again.
    PutBack {
        /// How many commits the copy lacks.
        missing: usize,
        /// How long it is down, ms.
        down_ms: u64,
    },
    /// The server dies, one of its journal's last entries is not what was written, and it is
    /// started again.
    Damage {
        /// Which entry, counted from the last.
        back: usize,
        /// It is missing.
        is_missing: bool,
        /// How long it is down, ms.
        down_ms: u64,
    },
    /// A replica that lacks the last commits takes the store's place.
    Promote {
        /// How many it lacks.
        missing: usize,
    },
}

impl What {
    /// What kind of thing it is.
    pub fn kind(&self) -> &'static str {
        self.into()
    }

    /// Whether it is somebody's doing, and no accident.
    pub const fn is_operation(&self) -> bool {
        matches!(
            self,
            Self::Acquire { .. }
                | Self::Repeat { .. }
                | Self::Return { .. }
                | Self::Report { .. }
                | Self::Forge { .. }
                | Self::Deny { .. }
                | Self::Request { .. }
                | Self::Put { .. }
                | Self::PutPeriod { .. }
                | Self::Delete { .. }
                | Self::Look
                | Self::Revoke { .. }
        )
    }
}

impl Plan {
    /// What a step's fates follow from: not from the steps around it.
    pub fn luck(&self, step: &Step) -> u64 {
        let mut hasher = Xxh3::new();
        self.seed.hash(&mut hasher);
        step.hash(&mut hasher);
        hasher.finish()
    }
}
