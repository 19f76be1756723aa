//! Reads what one commit wrote into the journal, by itself: the server's own reader is not asked.
//! The form is that of `quota-server/src/ledger/journaled/entry.rs`.

use quota_core::{Event, HolderId, Now};
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 8;

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It is of another version, too short, or its checksum does not match.
    #[error("an entry is not whole")]
    NotWhole,
    /// Its bytes mean nothing.
    #[error("an entry cannot be decoded: {0}")]
    Malformed(#[from] postcard::Error),
}

/// One commit.
#[derive(Debug)]
pub(super) struct Entry {
    /// When it was made, by the ledger's clock.
    pub(super) now: Now,
    /// What happened: to which deployment, by its number.
    pub(super) events: Vec<(u32, Event)>,
}

#[derive(Deserialize)]
struct Stamp {
    now: Now,
    _boot: Option<u128>,
    _ahead_ms: i64,
}

#[derive(Deserialize)]
enum Record<'a> {
    Holder {
        _holder: HolderId,
        #[serde(borrow)]
        _credential: &'a str,
        #[serde(borrow)]
        _name: &'a str,
    },
    Event {
        deployment: u32,
        event: Event,
    },
}

impl Entry {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, EntryError> {
        let (body, checksum) =
            bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(EntryError::NotWhole)?;
        let is_whole = xxh3_64(body).to_le_bytes() == *checksum && body.first() == Some(&VERSION);
        let body = body.get(1..).filter(|_| is_whole).ok_or(EntryError::NotWhole)?;
        let (stamp, mut rest) = postcard::take_from_bytes::<Stamp>(body)?;
        let mut events = Vec::new();
        while !rest.is_empty() {
            let (record, after) = postcard::take_from_bytes::<Record<'_>>(rest)?;
            if let Record::Event { deployment, event } = record {
                events.push((deployment, event));
            }
            rest = after;
        }
        Ok(Self { now: stamp.now, events })
    }
}
