//! What runs went through.

use std::collections::BTreeMap;
use std::fmt;

use super::checker::Rule;

/// Counts of what happened; those of runs add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Ledger minutes.
    pub ms: u64,
    /// Runs.
    pub runs: u64,
    /// What people and programs did, by kind.
    pub operations: BTreeMap<String, u64>,
    /// What befell, by kind.
    pub faults: BTreeMap<String, u64>,
    /// What was answered, by kind.
    pub answers: BTreeMap<String, u64>,
    /// Boundaries that an operation hit.
    pub boundaries: BTreeMap<&'static str, u64>,
    /// How often each rule was looked at.
    pub rules: BTreeMap<Rule, u64>,
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
        let rules = self.rules.iter().map(|(rule, count)| (format!("{rule:?}"), *count)).collect();
        write_counts(f, "rules", &rules)
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
