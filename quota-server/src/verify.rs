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

use quota_core::{Amount, BookPage, Imbalance, Limit};

pub use report::{Grant, Report, WindowReport};

use crate::ledger::LeaseRef;
use crate::ledger::journaled::{EntryReader, JournalError, Record, RecoveryError, Replay, ShardNo};
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
    #[error("lease {lease} takes its window to {}, above the limit: {}", said(*spent), limited(*limit))]
    OverLimit {
        /// Which lease.
        lease: LeaseRef,
        /// Outstanding and overrun, with it.
        spent: Amount,
        /// What there is.
        limit: Limit,
    },
    /// A lease gave back and used more than it held.
    #[error("lease {lease} held {}, and gave back {} and used {}", said(*held), said(*given_back), said(*used))]
    Overdrawn {
        /// Which lease.
        lease: LeaseRef,
        /// What was granted.
        held: Amount,
        /// What of it was given back.
        given_back: Amount,
        /// What of it was used.
        used: Amount,
    },
    /// A page of the history does not add up.
    #[error("the history of deployment number {deployment} does not add up: {}", sums(page))]
    History {
        /// Of which deployment.
        deployment: u32,
        /// The page.
        page: Box<BookPage>,
    },
}

fn said(amount: Amount) -> String {
    format!("{} tokens and {} requests", amount.tokens(), amount.requests())
}

fn limited(limit: Limit) -> String {
    let unit = |limit: Option<u64>, unit| limit.map(|limit| format!("{limit} {unit}"));
    let units = [unit(limit.tokens(), "tokens"), unit(limit.requests(), "requests")];
    units.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

fn sums(page: &BookPage) -> String {
    let BookPage { window, granted, given_back, used, burnt, .. } = page;
    let parts = [("given back", given_back), ("used", used), ("burnt", burnt)];
    let parts = parts.map(|(name, amount)| format!("{name} {}", said(*amount)));
    format!("window {window} granted {}; {}", said(*granted), parts.join(", "))
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
    let mut replay = Replay::new(ShardNo::ALONE, catalogue);
    let mut wrong = None;
    let read = read_entries(&mut connection, kept.first_seq, |seq, entry| {
        replay.take_in(seq, entry)?;
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
            Record::Doubt { .. } => {}
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
        Err(VerifyError::History { deployment, page: Box::new(*page) })
    }
}
