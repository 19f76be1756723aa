//! Making, changing and deleting deployments.

use std::sync::Arc;

use quota_core::{Command, Event, Now, Policy};

use super::books::{Books, Open, Slot, nothing};
use super::draft::Draft;
use super::journal::{Change, DeploymentRow};
use super::turn::MOST_DELETED;
use crate::ledger::{Expected, Put, PutError, Stored, Unavailable};

impl Books {
    /// Makes or changes a deployment. A deleted one that still has its number gets it back, and
    /// with it the book of what it was granted. None is made while 65 536 are deleted and not
    /// forgotten.
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
        if self.deleted.len() >= 2 * MOST_DELETED {
            return Err(Unavailable::Overloaded.into());
        }
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
        slot.details = nothing();
        slot.version += 1;
        self.deleted.push(slot.no);
        draft.changes.push(Change::Deployment(slot.row()));
        Ok(Some(()))
    }
}

impl Slot {
    /// Changes the policy; the event, if there is a book that must remember it. Where there is
    /// none, the first event of the next one stands after its policy.
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
            Some(book.policy_event(now))
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

#[cfg(test)]
mod tests {
    use quota_core::{Limit, PeriodLimits, Settlement, WindowKind};

    use super::super::books::ShardNo;
    use super::super::journal::Catalogue;
    use super::super::time::LedgerTime;
    use super::super::turn::Forget;
    use super::*;
    use crate::clock::manual::ManualClock;

    fn policy() -> Policy {
        Policy {
            limit: Limit::new(Some(1), None),
            kind: WindowKind::Minute,
            life_ms: 2_000,
            guard_ms: 200,
            settlement: Settlement::Refund,
            periods: PeriodLimits::default(),
        }
    }

    fn put(id: &str, details: &str) -> Put {
        Put { id: id.into(), policy: policy(), details: details.into(), expected: None }
    }

    fn deleted(count: usize, details: &str) -> Books {
        let row = |no: usize| DeploymentRow {
            no: u32::try_from(no).unwrap(),
            id: format!("d{no}").into(),
            policy: policy(),
            details: details.into(),
            version: 2,
            deleted: true,
        };
        let deployments: Vec<_> = (0..count).map(row).collect();
        let last_deployment = deployments.last().map(|row| row.no);
        let kept = super::super::journal::Kept { floor: 0, first_seq: 1 };
        Books::new(ShardNo::ALONE, Catalogue { deployments, last_deployment, kept, oldest_seq: 1 })
    }

    fn now() -> Now {
        LedgerTime::start(Arc::new(ManualClock::new()), None).stamp().now
    }

    #[test]
    fn what_is_deleted_keeps_no_details() {
        let mut books = deleted(1, "as an older build stored them");
        assert_eq!(&*books.slots[&0].details, "{}");
        let mut draft = Draft::default();
        books.put(put("a", "many labels"), &now(), &mut draft).unwrap();
        books.delete(&"a".into(), None, &now(), &mut draft).unwrap();
        assert_eq!(&*books.slots[&1].details, "{}");
        let Some(Change::Deployment(row)) = draft.changes.last() else { panic!("{draft:?}") };
        assert_eq!((row.deleted, &*row.details), (true, "{}"));
        let again = books.put(put("a", "others"), &now(), &mut draft).unwrap();
        assert_eq!((again.created, &*again.details), (true, "others"));
    }

    #[test]
    fn of_too_many_that_are_deleted_the_oldest_are_forgotten_and_none_is_made_meanwhile() {
        let mut books = deleted(2 * MOST_DELETED, "{}");
        let mut draft = Draft::default();
        books.deleted_in(now().window.number);
        let new = |books: &mut Books, draft: &mut Draft| books.put(put("new", "{}"), &now(), draft);
        let full = Err(PutError::Unavailable(Unavailable::Overloaded));
        assert_eq!(new(&mut books, &mut draft), full);
        let forget = Forget { deleted_before: 0, floor: 1 };
        assert!(books.has_forgettable(forget));
        books.forget_deleted(forget, &mut draft);
        let Some(Change::Forget { deployment: 0 }) = draft.changes.first() else { panic!("none") };
        assert!(new(&mut books, &mut draft).is_ok());
        while books.has_forgettable(forget) {
            books.forget_deleted(forget, &mut draft);
        }
        assert_eq!(books.deleted.len(), MOST_DELETED, "their history is not over");
    }
}
