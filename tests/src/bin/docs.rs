//! Writes the pages of `docs/` that are made from the code.

#![expect(clippy::print_stdout, reason = "which pages it wrote is its output")]

use anyhow::Context;
use tests::docs::pages;

fn main() -> anyhow::Result<()> {
    for page in pages() {
        page.write().with_context(|| format!("cannot write {}", page.path().display()))?;
        println!("docs/{}", page.name);
    }
    Ok(())
}
