use std::io;
use std::path::PathBuf;

use super::journal::JournalError;
use super::recovery::RecoveryError;

/// Why the journaled ledger does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a number of shards that can be had.
    #[error("{0} shards: from 1 to 64 are possible")]
    Shards(u32),
    /// The folder cannot be used.
    #[error("cannot use the data folder {}: {source}", .path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another server has the folder.
    #[error("the data folder {} is in use by another server", .0.display())]
    InUse(PathBuf),
    /// The folder was made with another number of shards.
    #[error("{} was made as shard {stored_no} of {stored_of}, not {no} of {of}: the number of shards is fixed when the data folder is made", .path.display())]
    ShardsDiffer {
        /// The file.
        path: PathBuf,
        /// Which shard it is, from 0.
        stored_no: u32,
        /// Of how many.
        stored_of: u32,
        /// Which shard it should be.
        no: u32,
        /// Of how many.
        of: u32,
    },
    /// A file that was there is gone.
    #[error("{} is missing, though other shards are there: its leases may be in use, so it is not made anew", .0.display())]
    Missing(PathBuf),
    /// A newer server has changed the tables.
    #[error(
        "{name} has schema version {version}, which this server does not know: it was written by a newer one"
    )]
    NewerSchema {
        /// The file or database.
        name: String,
        /// The version that is not known.
        version: i64,
    },
    /// The tables are older than this server, which was told to leave them alone.
    #[error(
        "{name} lacks schema version {version}: run `quota-server migrate`, or start without --no-migrate"
    )]
    OldSchema {
        /// The database.
        name: String,
        /// The version that is missing.
        version: i64,
    },
    /// The store cannot be opened.
    #[error("cannot open {name}: {source}")]
    Store {
        /// The file or database.
        name: String,
        /// Why not.
        source: JournalError,
    },
    /// The books cannot be recovered from the file.
    #[error("cannot recover from {name}: {source}")]
    Recovery {
        /// The file or database.
        name: String,
        /// Why not.
        source: RecoveryError,
    },
}

impl OpenError {
    /// Whether a later try may go better by itself: the store is away or not as it should be yet.
    /// What is wrong with a folder of this machine, or with tables of a newer server, stays.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store { .. } | Self::Recovery { .. } | Self::OldSchema { .. } => true,
            Self::Shards(_)
            | Self::Folder { .. }
            | Self::InUse(_)
            | Self::ShardsDiffer { .. }
            | Self::Missing(_)
            | Self::NewerSchema { .. } => false,
        }
    }
}
