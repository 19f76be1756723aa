use std::path::PathBuf;

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
    /// How long the books of closed windows are kept, at least 1.
    pub history_hours: u32,
}

impl JournaledConfig {
    /// The defaults, in this folder: one shard, a day of history.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), shards: 1, queue: 4_096, history_hours: 24 }
    }
}
