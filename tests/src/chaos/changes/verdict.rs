use std::fmt;

use crate::harness::Rung;

/// What was seen in one run.
#[derive(Debug, Clone)]
pub struct ChangesVerdict {
    /// Where.
    pub rung: Rung,
    /// The run's seed.
    pub seed: u64,
    /// Steps that were made.
    pub steps: u64,
    /// Limits that were put, and deployments deleted.
    pub changes: u64,
    /// Leases that were granted, asks that were refused, and questions without an answer.
    pub grants: u64,
    /// See `grants`.
    pub refusals: u64,
    /// See `grants`.
    pub unanswered: u64,
    /// How often servers were started again.
    pub restarts: u64,
    /// Every step and its answer, to be read when a rule was broken.
    pub told: Vec<String>,
    /// The rules that were broken, and how. None: the run is clean.
    pub broken: Vec<String>,
}

impl ChangesVerdict {
    pub(super) fn new(rung: Rung, seed: u64) -> Self {
        Self {
            rung,
            seed,
            steps: 0,
            changes: 0,
            grants: 0,
            refusals: 0,
            unanswered: 0,
            restarts: 0,
            told: Vec::new(),
            broken: Vec::new(),
        }
    }
}

impl fmt::Display for ChangesVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rung, seed, steps, changes, grants, refusals, restarts, .. } = self;
        write!(f, "{rung}, seed {seed}: {steps} steps: {changes} changes, {grants} grants, ")?;
        write!(f, "{refusals} refusals, {} unanswered, {restarts} restarts: ", self.unanswered)?;
        match self.broken.as_slice() {
            [] => write!(f, "clean"),
            broken => {
                let (told, broken) = (self.told.join("\n  "), broken.join("\n  "));
                write!(f, "BROKEN\n  {broken}\nafter\n  {told}")
            }
        }
    }
}
