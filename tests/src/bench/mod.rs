//! Benchmarks of the whole server as a process, each beside a floor that is measured in the same run.
//!
//! They report and never assert: machines are noisy, so a figure is a ratio, the median of rounds
//! that take turns with their floor.

pub mod floor;
pub mod load;
pub mod rounds;
