use std::path::PathBuf;

use crate::memory::Memory;

/// How the embedded (SQLite) ledger keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournaledConfig {
    /// The folder of its files, made where it is missing.
    pub data_dir: PathBuf,
    /// How many writers share the deployments, each with its own file. Fixed when the folder is
    /// made; from 1 to 64.
    pub shards: u32,
    /// How many calls may wait for one writer; more are refused as overloaded.
    pub queue: usize,
    /// What leases and operations may take of it, shared by the writers.
    pub memory: Memory,
    /// How long the books of closed windows are kept, at least 1.
    pub history_hours: u32,
}

impl JournaledConfig {
    /// The defaults, in this folder: one shard, a day of history, bounds for 1 GiB.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            shards: 1,
            queue: 4_096,
            memory: Memory::of_mib(1_024),
            history_hours: 24,
        }
    }
}
