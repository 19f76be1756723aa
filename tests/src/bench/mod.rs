//! Benchmarks of the whole server as a process, each beside a floor that is measured in the same
//! run.
//!
//! They report and never assert: machines are noisy, so a figure is a ratio, the median of rounds
//! that take turns with their floor.

mod acquire;
mod bounds;
pub mod floor;
mod idle;
pub mod load;
mod operations;
mod recovery;
mod rounds;
mod rungs;
mod server;

use std::time::Duration;

pub use acquire::{batches, singles};
pub use bounds::bounds;
pub use idle::{crowd, memory};
pub use operations::operations;
pub use recovery::recovery;
pub use rungs::{postgres, redis};

/// How long and how often to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How long one round lasts.
    pub round: Duration,
    /// How many rounds, each beside its floor.
    pub rounds: usize,
}
