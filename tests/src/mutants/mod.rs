//! One-line faults that the tests must catch: the table is `tests/mutants.toml`.
//!
//! A fault is put into a copy of the tree, never into the tree itself; the quick tests that the
//! table names for it are run there, and must fail. One that passes them is a survivor: a rule that
//! no quick test watches.

mod part;
mod table;
mod tree;

pub use part::Part;
pub use table::{Mutant, Table, TableError};
pub use tree::{Outcome, Tree, TreeError};
