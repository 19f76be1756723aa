//! What the documentation shows works: its examples, and the commands on its pages.

mod examples;
mod page;
mod pages;
mod shell;
mod words;

use std::path::PathBuf;

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}
