//! `quota-server top`: every deployment at a glance, again and again.
//!
//! What is shown is pure: a [`View`] takes in answers and keys, and `draw.rs` draws it. `screen.rs`
//! has the terminal, the signals and the server around it, and `columns.rs` says what there is to
//! see, for the terminal and for the one table of `--once` alike.

mod columns;
mod draw;
mod screen;
mod sort;
#[cfg(test)]
mod tests;
mod view;

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::value_parser;

use super::{Refusal, ServerArgs};
use sort::Sort;
use view::View;

/// What is to be shown, and how.
#[derive(Debug, clap::Args)]
pub struct Top {
    /// Print one table and end; so it is where stdout is no terminal
    #[arg(long)]
    once: bool,
    /// How often it is looked
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = value_parser!(u64).range(100..=3_600_000))]
    interval_ms: u64,
    /// What comes first
    #[arg(long, value_name = "COLUMN", default_value = "fill")]
    sort: Sort,
    #[command(flatten)]
    server: ServerArgs,
}

impl Top {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        let server = self.server.server(&env)?;
        let view = View::new(self.sort, server.overview().await?);
        let is_dumb = env("TERM").is_none_or(|term| term == "dumb");
        if self.once || is_dumb || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Ok(columns::table(&view));
        }
        let every = Duration::from_millis(self.interval_ms);
        let ended = screen::show(&server, view, every).await;
        ended.map_err(|error| Refusal::No(format!("the terminal: {error}")))?;
        Ok(String::new())
    }
}
