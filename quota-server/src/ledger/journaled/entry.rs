//! What one commit writes: a version, the stamp, records, and a checksum over all of it.
//!
//! Events name deployments and holders by number. A holder's record stands before the first grant
//! that names it, again in each window, so that any part of the journal that is still kept can be
//! read by itself. Records are only ever added, at the end of the enum.

use quota_core::{Event, HolderId};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::time::Stamp;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 8;

/// One thing in an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Record<'a> {
    /// Who a holder's number is.
    Holder {
        /// The number.
        holder: HolderId,
        /// The credential that it used.
        credential: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// What happened to a book.
    Event {
        /// The deployment's number.
        deployment: u32,
        /// What happened.
        event: Event,
    },
    /// Nobody vouches for what was granted of this entry's window: entries are missing or
    /// unreadable, or somebody said so by hand.
    Doubt {
        /// Of which deployment; `None`: of all of the shard.
        deployment: Option<u32>,
        /// Nor for any window until the next entry's.
        is_open: bool,
    },
}

/// Why an entry cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It was written by a newer server.
    #[error("it has version {0}, this server reads {VERSION}")]
    Version(u8),
    /// It is not what was written.
    #[error("its checksum does not match")]
    Checksum,
    /// Its bytes mean nothing.
    #[error("it cannot be decoded: {0}")]
    Malformed(#[from] postcard::Error),
}

/// An entry being written.
#[derive(Debug, Default)]
pub(crate) struct EntryWriter {
    bytes: Vec<u8>,
    records: usize,
}

impl EntryWriter {
    pub(crate) fn begin(&mut self, stamp: &Stamp) {
        self.bytes.clear();
        self.bytes.push(VERSION);
        self.put(stamp);
        self.records = 0;
    }

    pub(crate) fn holder(&mut self, holder: HolderId, credential: &str, name: &str) {
        self.put(&Record::Holder { holder, credential, name });
        self.records += 1;
    }

    pub(crate) fn event(&mut self, deployment: u32, event: Event) {
        self.put(&Record::Event { deployment, event });
        self.records += 1;
    }

    pub(crate) fn doubt(&mut self, deployment: Option<u32>, is_open: bool) {
        self.put(&Record::Doubt { deployment, is_open });
        self.records += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The whole entry; the next one begins empty.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let checksum = xxh3_64(&self.bytes);
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        self.records = 0;
        let room = self.bytes.len();
        std::mem::replace(&mut self.bytes, Vec::with_capacity(room))
    }

    fn put(&mut self, value: &impl Serialize) {
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = postcard::to_extend(value, bytes)
            .expect("numbers, strings and enums always serialize, and a Vec takes all");
    }
}

/// An entry that puts a deployment in doubt, or all of the shard, until the next one.
pub(crate) fn doubt_entry(stamp: &Stamp, deployment: Option<u32>) -> Vec<u8> {
    let mut writer = EntryWriter::default();
    writer.begin(stamp);
    writer.doubt(deployment, true);
    writer.finish()
}

/// An entry being read: its stamp, then its records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryReader<'a> {
    pub(crate) stamp: Stamp,
    rest: &'a [u8],
}

impl<'a> EntryReader<'a> {
    pub(crate) fn new(entry: &'a [u8]) -> Result<Self, EntryError> {
        match entry.first() {
            Some(&VERSION) => {}
            Some(&other) => return Err(EntryError::Version(other)),
            None => return Err(EntryError::Checksum),
        }
        let (bytes, checksum) =
            entry.split_last_chunk::<CHECKSUM_BYTES>().ok_or(EntryError::Checksum)?;
        if xxh3_64(bytes) != u64::from_le_bytes(*checksum) {
            return Err(EntryError::Checksum);
        }
        let (stamp, rest) = postcard::take_from_bytes(&bytes[1..])?;
        Ok(Self { stamp, rest })
    }
}

impl<'a> Iterator for EntryReader<'a> {
    type Item = Result<Record<'a>, EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match postcard::take_from_bytes(self.rest) {
            Ok((record, rest)) => {
                self.rest = rest;
                Some(Ok(record))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use quota_core::{Amount, LeaseId, Now, RequestKey, WindowSpan};

    use super::*;

    fn stamp() -> Stamp {
        let window = WindowSpan { number: 9, minute: 9, opens_ms: 0, ends_ms: 60_000 };
        Stamp { now: Now { steady_ms: 5, window }, boot: Some(u128::MAX), ahead_ms: -3 }
    }

    fn granted() -> Event {
        Event::Granted {
            lease: LeaseId { window: 9, number: 0 },
            holder: HolderId(3),
            request: RequestKey(u128::MAX - 1),
            amount: Amount::new(100, 1),
            starts_ms: 5,
            ends_ms: 2_005,
        }
    }

    fn entry() -> Vec<u8> {
        let mut writer = EntryWriter::default();
        writer.begin(&stamp());
        writer.holder(HolderId(3), "token", "gw-1/5f");
        writer.event(4, granted());
        writer.finish()
    }

    #[test]
    fn what_was_written_is_read() {
        let entry = entry();
        let reader = EntryReader::new(&entry).unwrap();
        assert_eq!(reader.stamp, stamp());
        let records = reader.collect::<Result<Vec<_>, _>>().unwrap();
        let holder = Record::Holder { holder: HolderId(3), credential: "token", name: "gw-1/5f" };
        assert_eq!(records, [holder, Record::Event { deployment: 4, event: granted() }]);
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let entry = entry();
        for at in 0..entry.len() {
            let mut changed = entry.clone();
            changed[at] ^= 1;
            assert!(EntryReader::new(&changed).is_err(), "byte {at}");
            assert!(EntryReader::new(&entry[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_newer_entry_is_told_apart_from_a_broken_one() {
        let mut entry = entry();
        entry[0] = VERSION + 1;
        assert_eq!(EntryReader::new(&entry).unwrap_err(), EntryError::Version(VERSION + 1));
    }
}
