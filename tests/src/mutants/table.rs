use std::{collections::BTreeMap, fs, io, path::Path};

use serde::Deserialize;

const FILE: &str = "tests/mutants.toml";

/// All mutants, and the tests that are to catch them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What cargo's `test` is told, by name.
    pub tests: BTreeMap<String, Vec<String>>,
    /// The faults.
    #[serde(rename = "mutant")]
    pub mutants: Vec<Mutant>,
}

/// One fault.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Names it for ever.
    pub id: String,
    /// The rule that it breaks.
    pub rule: String,
    /// What is wrong then.
    pub what: String,
    /// Which tests are to catch it.
    pub test: String,
    /// Where it is made, from the root of the tree.
    pub file: String,
    /// A part of a line above the one that is replaced, if that stands there more than once.
    #[serde(default)]
    pub under: Option<String>,
    /// The line that is replaced, without the space around it.
    pub before: String,
    /// What takes its place.
    pub after: String,
}

/// Why a table or a mutant of it is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A file cannot be read.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// The table is none.
    #[error("{FILE}: {0}")]
    Malformed(#[from] toml::de::Error),
    /// A mutant's line is not in its file, or is there more than once.
    #[error("mutant {id}: {file} has its line {count} times{}", below(.under))]
    Line {
        /// Which mutant.
        id: String,
        /// Its file.
        file: String,
        /// Below what it was looked for.
        under: Option<String>,
        /// How often it was found.
        count: usize,
    },
    /// A name that another mutant has, or tests that are not in the table.
    #[error("mutant {0}: its id is another's too, or its tests are not in the table")]
    Name(String),
}

fn below(line: &Option<String>) -> String {
    line.as_ref().map_or_else(String::new, |line| format!(" under `{line}`"))
}

impl Table {
    /// Reads the table of the tree whose root this is.
    ///
    /// # Errors
    /// It cannot be read, or has two mutants of one name.
    pub fn read(root: &Path) -> Result<Self, TableError> {
        let table: Self = toml::from_str(&read(root, FILE)?)?;
        for (place, mutant) in table.mutants.iter().enumerate() {
            let is_known = table.mutants[..place].iter().any(|other| other.id == mutant.id);
            if is_known || !table.tests.contains_key(&mutant.test) {
                return Err(TableError::Name(mutant.id.clone()));
            }
        }
        Ok(table)
    }

    /// The mutants whose line is no longer where it was.
    #[must_use]
    pub fn stale(&self, root: &Path) -> Vec<TableError> {
        self.mutants.iter().filter_map(|mutant| mutant.made(root).err()).collect()
    }
}

impl Mutant {
    /// The text of its file with the fault in it.
    ///
    /// # Errors
    /// Its line is not there, or more than once.
    pub fn made(&self, root: &Path) -> Result<String, TableError> {
        self.put_into(&read(root, &self.file)?)
    }

    fn put_into(&self, text: &str) -> Result<String, TableError> {
        let is_it = |line: &&str| line.trim() == self.before;
        let skipped = match &self.under {
            Some(under) => text.lines().take_while(|line| !line.contains(under)).count(),
            None => 0,
        };
        let count = text.lines().skip(skipped).filter(is_it).count();
        if count == 0 || self.under.is_none() && count > 1 {
            let (id, file, under) = (self.id.clone(), self.file.clone(), self.under.clone());
            return Err(TableError::Line { id, file, under, count });
        }
        let at = text.lines().enumerate().skip(skipped).find(|(_, line)| is_it(line));
        let at = at.map_or(0, |(at, _)| at);
        let lines = text.lines().enumerate();
        let lines = lines.map(|(n, line)| if n == at { self.after.as_str() } else { line });
        Ok(lines.flat_map(|line| [line, "\n"]).collect())
    }
}

fn read(root: &Path, file: &str) -> Result<String, TableError> {
    let text = fs::read_to_string(root.join(file));
    text.map_err(|source| TableError::File { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    /// The table does not rot: who rewrites a line that a fault stands on, writes the fault anew.
    #[test]
    fn every_mutant_s_line_is_still_there() {
        let table = Table::read(root()).unwrap();
        let stale: Vec<_> = table.stale(root()).iter().map(ToString::to_string).collect();
        assert!(stale.is_empty(), "{}", stale.join("\n"));
        assert!(table.mutants.len() >= 40, "{}", table.mutants.len());
    }

    fn mutant(under: Option<&str>) -> Mutant {
        let [id, rule, what, test, file] = ["m", "R1", "", "t", "f"].map(str::to_owned);
        let under = under.map(str::to_owned);
        let (before, after) = ("a();".to_owned(), "b();".to_owned());
        Mutant { id, rule, what, test, file, under, before, after }
    }

    #[test]
    fn one_line_is_replaced_and_no_other() {
        let text = "fn x() {\n    a();\n}\nfn y() {\n    a();\n}\n";
        assert!(matches!(mutant(None).put_into(text), Err(TableError::Line { count: 2, .. })));
        let made = mutant(Some("fn y")).put_into(text).unwrap();
        assert_eq!(made, "fn x() {\n    a();\n}\nfn y() {\nb();\n}\n");
        assert!(mutant(Some("fn z")).put_into(text).is_err());
    }
}
