//! `cargo run -p tests --bin mutants -- --run`: puts one-line faults into a copy of the tree, one
//! after another, and demands that the quick tests notice each. `--list` shows them, `--check`
//! looks whether their lines are still there. Exits with 1 when one survives or its tests do not
//! end, with 2 when the table is stale or a run is impossible.

#![expect(
    clippy::print_stdout,
    reason = "a command: a line for each mutant on its standard output"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use tests::{
    clock,
    mutants::{Mutant, Outcome, Part, Table, Tree, TreeError},
};

/// Puts one-line faults into a copy of the tree, and demands that the quick tests notice each.
#[derive(Debug, Parser)]
#[command(name = "mutants")]
struct Arguments {
    /// Shows them.
    #[arg(long)]
    list: bool,
    /// Looks whether each line that is to be replaced is still there.
    #[arg(long)]
    check: bool,
    /// Tries those whose ids begin with one of these; without any, all.
    #[arg(long, num_args = 0..)]
    run: Option<Vec<String>>,
    /// Of those, a part: 3/10 is every tenth, beginning with the third.
    #[arg(long)]
    part: Option<Part>,
    /// No new one is begun after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
}

/// What came of all.
#[derive(Debug, Default)]
struct Sum {
    caught: usize,
    survived: usize,
    hung: usize,
    not_built: usize,
    left_out: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.obey() {
        Ok(Sum { survived: 0, hung: 0, not_built: 0, .. }) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            println!("{why}");
            ExitCode::from(2)
        }
    }
}

impl Arguments {
    fn obey(&self) -> Result<Sum, TreeError> {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let table = Table::read(root)?;
        if let Some(stale) = table.stale(root).into_iter().next() {
            return Err(stale.into());
        }
        let chosen: Vec<_> = table.mutants.iter().filter(|mutant| self.names(mutant)).collect();
        let part = |(place, _): &(usize, _)| self.part.is_none_or(|part| part.has(*place));
        let chosen = chosen.into_iter().enumerate().filter(part).map(|(_, mutant)| mutant);
        if self.run.is_none() {
            if self.list {
                chosen.for_each(|mutant| println!("{}", line(mutant)));
            }
            println!("{} mutants, each line is there", table.mutants.len());
            return Ok(Sum::default());
        }
        self.try_out(root, &table, chosen.collect())
    }

    fn names(&self, mutant: &Mutant) -> bool {
        let chosen = self.run.as_deref().unwrap_or_default();
        chosen.is_empty() || chosen.iter().any(|name| mutant.id.starts_with(name.as_str()))
    }

    fn try_out(&self, root: &Path, table: &Table, chosen: Vec<&Mutant>) -> Result<Sum, TreeError> {
        let end = self.seconds.map(|seconds| clock::instant() + Duration::from_secs(seconds));
        let tree = Tree::copy(root, &root.join("target"))?;
        let tests: BTreeSet<_> = chosen.iter().map(|mutant| mutant.test.as_str()).collect();
        let limit = |test| Ok((test, tree.check(table, test)?));
        let limits: BTreeMap<_, _> =
            tests.into_iter().map(limit).collect::<Result<_, TreeError>>()?;
        let mut sum = Sum::default();
        for mutant in chosen {
            if end.is_some_and(|end| clock::instant() >= end) {
                sum.left_out += 1;
                continue;
            }
            let outcome = tree.try_out(table, mutant, limits[mutant.test.as_str()])?;
            println!("{outcome:?}: {}", line(mutant));
            sum.count(outcome);
        }
        println!("{sum:?}");
        Ok(sum)
    }
}

impl Sum {
    fn count(&mut self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Caught => &mut self.caught,
            Outcome::Survived => &mut self.survived,
            Outcome::Hung => &mut self.hung,
            Outcome::NotBuilt => &mut self.not_built,
        };
        *count += 1;
    }
}

fn line(mutant: &Mutant) -> String {
    let Mutant { id, rule, what, test, .. } = mutant;
    format!("{id} ({rule}, {test}): {what}")
}
