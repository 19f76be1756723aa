//! What runs went through.

use std::collections::BTreeMap;
use std::fmt;

use strum::{IntoStaticStr, VariantNames};

use super::checker::Rule;
use super::plan::What;

/// Where things are easily got wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames)]
pub enum Boundary {
    /// The first operation after a start.
    #[strum(serialize = "first operation after a start")]
    AfterStart,
    /// The first 100 ms of a window.
    #[strum(serialize = "first 100 ms of a window")]
    WindowBegins,
    /// The last 100 ms of a window.
    #[strum(serialize = "last 100 ms of a window")]
    WindowEnds,
    /// An ask is refused where nothing is granted.
    #[strum(serialize = "an ask is refused where nothing is granted")]
    RefusedOfNothing,
    /// A limit changes where nothing is left.
    #[strum(serialize = "a limit changes where nothing is left")]
    LimitChangesEmpty,
    /// A gateway with the client's own machine admits a request.
    #[strum(serialize = "a gateway admits a request")]
    GatewayAdmits,
    /// Such a gateway denies one.
    #[strum(serialize = "a gateway denies a request")]
    GatewayDenies,
}

/// Counts of what happened; those of runs add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Ledger minutes.
    pub ms: u64,
    /// Runs.
    pub runs: u64,
    /// What people and programs did, by kind.
    pub operations: BTreeMap<&'static str, u64>,
    /// What befell, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What was answered, by kind.
    pub answers: BTreeMap<String, u64>,
    /// Boundaries that an operation hit.
    pub boundaries: BTreeMap<&'static str, u64>,
    /// How often each rule was looked at.
    pub rules: BTreeMap<&'static str, u64>,
}

impl Coverage {
    /// Adds another one's counts.
    pub fn add(&mut self, other: &Self) {
        self.ms += other.ms;
        self.runs += other.runs;
        sum(&mut self.operations, &other.operations);
        sum(&mut self.faults, &other.faults);
        sum(&mut self.answers, &other.answers);
        sum(&mut self.boundaries, &other.boundaries);
        sum(&mut self.rules, &other.rules);
    }

    /// What can happen, be come upon or be looked at, and was not once.
    pub fn missing(&self) -> Vec<&'static str> {
        let steps = What::VARIANTS.iter().filter(|kind| {
            !self.operations.contains_key(*kind) && !self.faults.contains_key(*kind)
        });
        let boundaries =
            Boundary::VARIANTS.iter().filter(|kind| !self.boundaries.contains_key(*kind));
        let rules = Rule::VARIANTS.iter().filter(|rule| !self.rules.contains_key(*rule));
        steps.chain(boundaries).chain(rules).copied().collect()
    }

    /// Whole ledger minutes.
    pub const fn minutes(&self) -> u64 {
        self.ms / 60_000
    }
}

fn sum<K: Ord + Clone>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (kind, count) in from {
        *into.entry(kind.clone()).or_default() += count;
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ledger minutes in {} runs", self.minutes(), self.runs)?;
        write_counts(f, "operations", &self.operations)?;
        write_counts(f, "faults", &self.faults)?;
        write_counts(f, "answers", &self.answers)?;
        write_counts(f, "boundaries", &self.boundaries)?;
        write_counts(f, "rules", &self.rules)
    }
}

fn write_counts<K: fmt::Display + Ord>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    counts: &BTreeMap<K, u64>,
) -> fmt::Result {
    writeln!(f, "{what}:")?;
    counts.iter().try_for_each(|(kind, count)| writeln!(f, "  {count:>10} {kind}"))
}
