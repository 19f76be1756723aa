use std::path::PathBuf;

use super::{Acknowledged, RedisAddress};
use crate::store::DatabaseUrl;

/// How the Redis ledger is reached, and where its catalogue is.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// Redis.
    pub address: RedisAddress,
    /// The PostgreSQL database of the catalogue. `None`: in `data_dir`, for one server only.
    pub database: Option<DatabaseUrl>,
    /// Whether to bring the tables of that database up to date.
    pub migrate: bool,
    /// The folder of the catalogue, if it is not in PostgreSQL.
    pub data_dir: PathBuf,
    /// The catalogue's name if it is new: no other has it.
    pub site: String,
    /// How long the books of closed windows are kept, at least 1.
    pub history_hours: u32,
    /// What of Redis's settings is not warned of.
    pub acknowledged: Acknowledged,
    /// How many calls may be under way; more are refused as overloaded.
    pub calls: usize,
}

impl RedisConfig {
    /// The defaults: a day of history.
    #[must_use]
    pub fn new(address: RedisAddress, data_dir: impl Into<PathBuf>, site: String) -> Self {
        Self {
            address,
            database: None,
            migrate: true,
            data_dir: data_dir.into(),
            site,
            history_hours: 24,
            acknowledged: Acknowledged::default(),
            calls: 4_096,
        }
    }
}
