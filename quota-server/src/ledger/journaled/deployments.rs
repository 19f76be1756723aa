//! Making, changing and deleting deployments.

use std::sync::Arc;

use quota_core::{Command, Event, Now, Policy};

use super::books::{Books, Open, Slot};
use super::draft::Draft;
use super::journal::{Change, DeploymentRow};
use crate::ledger::{Expected, Put, PutError, Stored, Unavailable};

impl Books {
    /// Makes or changes a deployment. A deleted one that still has its number gets it back, and
    /// with it the book of what it was granted.
    pub(crate) fn put(
        &mut self,
        put: Put,
        now: &Now,
        draft: &mut Draft,
    ) -> Result<Stored, PutError> {
        let Some(no) = self.by_id.get(&put.id).copied() else {
            check(put.expected, None)?;
            return self.create(put, draft);
        };
        let slot = self.slots.get_mut(&no).ok_or(PutError::Unexpected)?;
        let live = slot.deleted.is_none();
        check(put.expected, live.then_some(slot.version))?;
        if live && slot.policy == put.policy && slot.details == put.details {
            draft.confirm();
            return Ok(slot.stored(false));
        }
        slot.catch_up(now, &mut self.closed);
        if let Some(event) = slot.set_policy(put.policy, now)? {
            slot.named = now.window.number;
            draft.event(no, event, &mut self.holders, now);
        }
        slot.details = put.details;
        slot.version += 1;
        if slot.deleted.take().is_some() {
            self.deleted.retain(|deleted| *deleted != no);
        }
        draft.changes.push(Change::Deployment(slot.row()));
        Ok(slot.stored(!live))
    }

    fn create(&mut self, put: Put, draft: &mut Draft) -> Result<Stored, PutError> {
        let no = self.next_deployment().ok_or(Unavailable::Overloaded)?;
        self.last_deployment = Some(no);
        let row = DeploymentRow {
            no,
            id: put.id,
            policy: put.policy,
            details: put.details,
            version: 1,
            deleted: false,
        };
        draft.changes.push(Change::Deployment(row.clone()));
        self.by_id.insert(row.id.clone(), no);
        let slot = Slot::new(row);
        let stored = slot.stored(true);
        self.slots.insert(no, slot);
        Ok(stored)
    }

    /// Numbers say which shard a deployment is in: `no % shards`.
    fn next_deployment(&self) -> Option<u32> {
        match self.last_deployment {
            None => Some(self.shard.no),
            Some(last) => last.checked_add(self.shard.of),
        }
    }

    /// Deletes a deployment. Its book stays until nothing is charged to it any more.
    pub(crate) fn delete(
        &mut self,
        id: &Arc<str>,
        expected: Option<Expected>,
        now: &Now,
        draft: &mut Draft,
    ) -> Result<Option<()>, PutError> {
        let live = self.live(id).map(|slot| (slot.no, slot.version));
        check(expected, live.map(|(_, version)| version))?;
        let Some(slot) = live.and_then(|(no, _)| self.slots.get_mut(&no)) else {
            draft.confirm();
            return Ok(None);
        };
        slot.deleted = Some(now.window.number);
        slot.version += 1;
        self.deleted.push(slot.no);
        draft.changes.push(Change::Deployment(slot.row()));
        Ok(Some(()))
    }
}

impl Slot {
    /// Changes the policy; the event, if there is a book that must remember it. Where there is none, the
    /// first event of the next one stands after its policy.
    fn set_policy(&mut self, policy: Policy, now: &Now) -> Result<Option<Event>, PutError> {
        let Some(Open { book, recorded, .. }) = self.book.as_deref_mut() else {
            self.policy = policy;
            return Ok(None);
        };
        let event = if policy.kind == self.policy.kind {
            let changed = book.apply(&Command::SetPolicy(policy.clone()), now);
            changed.map_err(|_refusal| PutError::KindIsFixed)?.1
        } else {
            book.advance(now);
            *book = book.renewed(policy.clone(), now).ok_or(PutError::KindIsFixed)?;
            Some(book.policy_event())
        };
        if event.is_some() {
            // It is the policy's record in this window.
            *recorded = now.window.number;
        }
        self.policy = policy;
        Ok(event)
    }
}

fn check(expected: Option<Expected>, version: Option<u64>) -> Result<(), PutError> {
    let met = match expected {
        None => true,
        Some(Expected::Some) => version.is_some(),
        Some(Expected::None) => version.is_none(),
        Some(Expected::Version(expected)) => version == Some(expected),
    };
    met.then_some(()).ok_or(PutError::Unexpected)
}
