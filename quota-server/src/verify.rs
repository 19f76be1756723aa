//! Checks the data folder of an embedded ledger that is not running, a killed one's too.
//!
//! It asks nothing that a server counted: every journal entry that is kept is replayed through
//! `quota-core` from nothing, which refuses a grant above the limit, and is added up beside it by
//! the plainest arithmetic (`tally.rs`). It works on a copy, so the folder stays as it was found.

mod copy;
mod report;
mod tally;

use std::io;
use std::path::{Path, PathBuf};

use quota_core::{BookPage, Imbalance};

pub use report::{Grant, Report, WindowReport};

use crate::ledger::LeaseRef;
use crate::ledger::journaled::{
    Books, EntryReader, JournalError, Record, RecoveryError, Replay, ShardNo,
};
use crate::store::sqlite::{connect, read_catalogue, read_entries, read_history};
use tally::Tally;

/// Books are audited after each of the first entries, then ever more seldom: an audit reads a whole
/// book.
const ALWAYS_AUDITED: u64 = 1_024;

/// What does not add up, or why nobody can tell.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The folder cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no ledger in the folder.
    #[error("there is no ledger in {}", .0.display())]
    Empty(PathBuf),
    /// A file cannot be read, or its entries do not follow on each other.
    #[error("{file}: {source}")]
    Unreadable {
        /// Which one.
        file: String,
        /// Why.
        source: RecoveryError,
    },
    /// A book does not add up.
    #[error("{file}, after entry {seq}: deployment number {deployment}: {source}")]
    Unbalanced {
        /// In which file.
        file: String,
        /// After which entry.
        seq: u64,
        /// Of which deployment.
        deployment: u32,
        /// What differs.
        source: Imbalance,
    },
    /// More is outstanding in a window than its limit.
    #[error("lease {0} takes its window above the limit")]
    OverLimit(LeaseRef),
    /// A lease gave back and used more than it held.
    #[error("lease {0} has more given back and used than it held")]
    Overdrawn(LeaseRef),
    /// A page of the history does not add up.
    #[error("the history of deployment number {deployment}, window {window}, does not add up")]
    History {
        /// Of which deployment.
        deployment: u32,
        /// Which window.
        window: u64,
    },
}

/// Checks a data folder and tells what is in it.
///
/// # Errors
/// The first thing that does not add up or cannot be read.
pub async fn verify(data_dir: &Path) -> Result<Report, VerifyError> {
    let copy = copy::of(data_dir)?;
    let mut report = Report::default();
    for file in copy.files() {
        verify_file(&file, &mut report).await?;
    }
    Ok(report)
}

async fn verify_file(path: &Path, report: &mut Report) -> Result<(), VerifyError> {
    let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    let unreadable = |source: RecoveryError| VerifyError::Unreadable { file: file.clone(), source };
    let store = |source: JournalError| unreadable(source.into());
    let mut connection = connect(path).await.map_err(|error| store(JournalError::new(error)))?;
    let catalogue = read_catalogue(&mut connection).await.map_err(store)?;
    for (deployment, page) in read_history(&mut connection).await.map_err(store)? {
        check_page(deployment, &page)?;
    }
    let (kept, mut tally) = (catalogue.kept, Tally::new(&catalogue));
    let mut replay = Replay::new(Books::new(ShardNo { no: 0, of: 1 }, catalogue), kept);
    let mut wrong = None;
    let read = read_entries(&mut connection, kept.first_seq, |seq, entry| {
        replay.entry(seq, entry)?;
        if wrong.is_none() {
            wrong = add_up(seq, entry, &mut tally, &replay, &file)?;
        }
        Ok(())
    });
    read.await.map_err(unreadable)?;
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    report.add(tally);
    Ok(())
}

/// What an entry got wrong, if anything. An entry that cannot be read is an error of its own.
fn add_up(
    seq: u64,
    entry: &[u8],
    tally: &mut Tally,
    replay: &Replay,
    file: &str,
) -> Result<Option<VerifyError>, RecoveryError> {
    let unreadable = |source| RecoveryError::Entry { seq, source };
    let reader = EntryReader::new(entry).map_err(unreadable)?;
    tally.entries += 1;
    let audited = tally.entries <= ALWAYS_AUDITED || tally.entries.is_power_of_two();
    for record in reader {
        match record.map_err(unreadable)? {
            Record::Holder { holder, name, .. } => tally.holder(holder, name),
            Record::Event { deployment, event } => {
                if let Err(wrong) = tally.event(deployment, &event) {
                    return Ok(Some(wrong));
                }
                let audit =
                    replay.book(deployment).filter(|_| audited).map(quota_core::Book::audit);
                if let Some(Err(source)) = audit {
                    let file = file.to_owned();
                    return Ok(Some(VerifyError::Unbalanced { file, seq, deployment, source }));
                }
            }
        }
    }
    Ok(None)
}

/// `granted = given_back + used + burnt`.
fn check_page(deployment: u32, page: &BookPage) -> Result<(), VerifyError> {
    let parts = page.used.checked_add(page.burnt);
    let sum = parts.and_then(|sum| sum.checked_add(page.given_back));
    if sum == Some(page.granted) {
        Ok(())
    } else {
        Err(VerifyError::History { deployment, window: page.window })
    }
}
