//! The pages of the documentation that say what the code already says: made from it, and compared
//! with it by a test, so that they never tell anything else.
//!
//! `cargo run -p tests --bin docs` writes them.

mod api;
mod commands;
mod litellm;
mod markdown;
mod schema;
mod settings;
mod verification;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use verification::MODEL_STATES;

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Its name in `docs/`.
    pub name: &'static str,
    /// What is to stand there.
    pub text: String,
}

/// All pages that are made.
#[must_use]
pub fn pages() -> Vec<Page> {
    vec![
        Page { name: "api.md", text: api::page() },
        Page { name: "commands.md", text: commands::page() },
        Page { name: "litellm.md", text: litellm::page() },
        Page { name: "settings.md", text: settings::page() },
        Page { name: "verification.md", text: verification::page() },
    ]
}

impl Page {
    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(self.name)
    }

    /// Writes it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self) -> io::Result<()> {
        fs::write(self.path(), &self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_say_what_the_code_says() {
        for page in pages() {
            let found = fs::read_to_string(page.path()).unwrap_or_default();
            let lines = found.lines().zip(page.text.lines());
            let differs = lines.into_iter().find(|(found, made)| found != made);
            assert!(
                found == page.text,
                "{} is not up to date, at {differs:?}: cargo run -p tests --bin docs",
                page.name
            );
        }
    }
}
