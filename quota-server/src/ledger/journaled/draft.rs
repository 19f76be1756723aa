use quota_core::{Event, HolderId, Now};

use super::entry::EntryWriter;
use super::holders::Holders;
use super::journal::{Change, Commit};
use super::time::Stamp;

/// What a batch will commit.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) entry: EntryWriter,
    pub(crate) changes: Vec<Change>,
    pub(crate) grants: usize,
    /// How many leases of older windows it carries.
    pub(crate) carried: usize,
    steady_ms: u64,
    /// It is written though nothing may have happened.
    confirms: bool,
}

impl Draft {
    pub(crate) fn begin(&mut self, stamp: &Stamp) {
        self.entry.begin(stamp);
        self.changes.clear();
        (self.grants, self.carried, self.confirms) = (0, 0, false);
        self.steady_ms = stamp.now.steady_ms;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entry.is_empty() && self.changes.is_empty() && !self.confirms
    }

    /// Somebody is told that what was asked for is so already. That is true of what is durable,
    /// too, only if the journal takes another entry: its store may be another one since, promoted
    /// without the write that made it so.
    pub(crate) const fn confirm(&mut self) {
        self.confirms = true;
    }

    /// Writes an event, after the record of the holder that it names.
    pub(crate) fn event(&mut self, no: u32, event: Event, holders: &mut Holders, now: &Now) {
        if let Some(holder) = named(&event) {
            holders.record(holder, now.window.number, &mut self.entry);
        }
        self.grants += usize::from(matches!(event, Event::Granted { .. }));
        self.carried += usize::from(matches!(event, Event::Carried { .. }));
        self.entry.event(no, event);
    }

    pub(crate) fn finish(&mut self, seq: u64) -> Commit {
        Commit {
            seq,
            entry: self.entry.finish(),
            steady_ms: self.steady_ms,
            changes: std::mem::take(&mut self.changes),
        }
    }
}

/// The holder that an event names.
const fn named(event: &Event) -> Option<HolderId> {
    match event {
        Event::Granted { holder, .. } => Some(*holder),
        Event::Carried { late, .. } => Some(late.holder),
        Event::GivenBack { .. }
        | Event::Used { .. }
        | Event::PolicySet { .. }
        | Event::PeriodsSet { .. }
        | Event::Summed { .. }
        | Event::Doubted { .. } => None,
    }
}
