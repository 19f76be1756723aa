//! Operations on the books of one shard.

use quota_core::{
    Amount, Book, Command, Event, HolderId, LeaseId, Now, Outcome, Refusal, Standing, WindowKind,
    Wish,
};

use super::books::{Books, Slot};
use super::draft::Draft;
use super::holders::{Holders, NOBODY};
use super::journal::Change;
use super::room;
use crate::ledger::checks;
use crate::ledger::{Caller, LateEntry, LeaseRef, Op, OpError, Reply};

impl Books {
    /// Runs one caller's operations in their order and drafts what must be durable before they are
    /// answered.
    pub(crate) fn run(
        &mut self,
        caller: &Caller,
        ops: Vec<Op>,
        now: &Now,
        draft: &mut Draft,
    ) -> Vec<Result<Reply, OpError>> {
        self.turn_room(now);
        let mut asker = Asker { caller, id: None };
        ops.into_iter().map(|op| self.run_one(&mut asker, op, now, draft)).collect()
    }

    fn run_one(
        &mut self,
        asker: &mut Asker<'_>,
        op: Op,
        now: &Now,
        draft: &mut Draft,
    ) -> Result<Reply, OpError> {
        match op {
            Op::Acquire { deployment, wish } => {
                let admitted = self.room.admits(&asker.caller.credential, now);
                let (slot, holders) =
                    self.live_mut(&deployment, now).ok_or(OpError::NoSuchDeployment)?;
                let no = slot.no;
                let holder = asker.id(holders, now);
                if let Err(retry_after_ms) = admitted
                    && !slot.book_mut().is_some_and(|book| book.knows(holder, wish.request))
                {
                    return Err(room::refused(retry_after_ms));
                }
                let answer = slot.acquire(holder, &wish, holders, now, draft);
                self.enter_room(asker.caller, no, &answer);
                answer
            }
            Op::GiveBack { deployment, give_back } => {
                let lease = LeaseRef { deployment, lease: give_back.lease };
                let command = |holder| Command::GiveBack(holder, give_back);
                self.on_lease(asker.caller, lease, now, draft, command)
            }
            Op::Use { deployment, report } => {
                let lease = LeaseRef { deployment, lease: report.lease };
                let command = |holder| Command::Use(holder, report);
                self.on_lease(asker.caller, lease, now, draft, command)
            }
            Op::Denied { deployment, amount } => self.denied(&deployment, amount, now),
        }
    }

    fn enter_room(&mut self, caller: &Caller, no: u32, answer: &Result<Reply, OpError>) {
        let Ok(Reply::Granted { lease, granted, .. }) = answer else { return };
        let book = self.slots.get(&no).and_then(|slot| slot.book());
        if let (false, Some(book)) = (granted.repeated, book) {
            self.room.take(&caller.credential, lease.lease.window, book, 1);
        }
    }

    /// Runs a command on a lease, in the name of the holder that has it: a call need not name the
    /// holder, but must show its credential.
    fn on_lease(
        &mut self,
        caller: &Caller,
        lease: LeaseRef,
        now: &Now,
        draft: &mut Draft,
        command: impl FnOnce(HolderId) -> Command,
    ) -> Result<Reply, OpError> {
        let slot = self.slots.get_mut(&lease.deployment).ok_or(refused(Refusal::NoSuchLease))?;
        slot.catch_up(now, &mut self.closed);
        let Some(book) = slot.book_mut() else {
            let mut empty = Book::new(slot.policy.clone());
            let (outcome, _) = empty.apply(&command(NOBODY), now).map_err(refused)?;
            return Ok(reply(&outcome));
        };
        let owner = book.owner(lease.lease);
        if let Some(owner) = owner {
            let known = self.holders.find(owner).ok_or(OpError::NotYourLease)?;
            if known.credential != caller.credential {
                return Err(OpError::NotYourLease);
            }
        }
        let before = carried(book, lease.lease, now);
        let (outcome, event) =
            book.apply(&command(owner.unwrap_or(NOBODY)), now).map_err(refused)?;
        if let Some(event) = event {
            if let Some(before) = before.filter(|_| adds_overrun(&outcome)) {
                slot.journal(before, &mut self.holders, now, draft);
            }
            slot.journal(event, &mut self.holders, now, draft);
        }
        if let Outcome::Used(used) = &outcome
            && let Some(late) = used.late
        {
            // Late usage is added to the page that is there: so the page goes first.
            let page = self.closed.pages.remove(&(lease.deployment, lease.lease.window));
            let deployment = lease.deployment;
            draft.changes.extend(page.map(|page| Change::Page { deployment, page }));
            draft.changes.push(Change::Late(LateEntry { deployment, late }));
        }
        Ok(reply(&outcome))
    }

    fn denied(&mut self, id: &str, amount: Amount, now: &Now) -> Result<Reply, OpError> {
        let (slot, _) = self.live_mut(id, now).ok_or(OpError::NoSuchDeployment)?;
        if let Some(book) = slot.book_mut() {
            book.apply(&Command::Denied(amount), now).map_err(refused)?;
        }
        Ok(Reply::Noted)
    }
}

/// What was known of a lease of an earlier rolling window before a report. What a report adds to
/// the overrun is charged to the 60 s after it, so its entry outlives those of the lease's window:
/// it tells all that a replay needs to charge the same.
fn carried(book: &mut Book, lease: LeaseId, now: &Now) -> Option<Event> {
    if book.policy().kind != WindowKind::Rolling {
        return None;
    }
    book.advance(now);
    book.carried_lease(lease, now)
}

fn adds_overrun(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Used(used) if !used.overrun_added.is_zero())
}

/// The caller, whose number is looked up once for all of its operations.
struct Asker<'a> {
    caller: &'a Caller,
    id: Option<HolderId>,
}

impl Asker<'_> {
    fn id(&mut self, holders: &mut Holders, now: &Now) -> HolderId {
        *self.id.get_or_insert_with(|| holders.asks(self.caller, now.window.number))
    }
}

impl Slot {
    fn acquire(
        &mut self,
        holder: HolderId,
        wish: &Wish,
        holders: &mut Holders,
        now: &Now,
        draft: &mut Draft,
    ) -> Result<Reply, OpError> {
        let quarantine = self.is_quarantined(now).then(|| self.quarantine(now));
        let Some(book) = self.book_mut() else {
            return Err(OpError::NoSuchDeployment);
        };
        if let Some(denial) = quarantine {
            let standing = Standing { state: denial.state, ..book.standing(now) };
            let refusal = Refusal::Denied(denial);
            return Err(OpError::Refused { refusal, standing: Some(standing) });
        }
        match book.apply(&Command::Acquire(holder, *wish), now) {
            Ok((Outcome::Granted(granted), event)) => {
                let standing = book.standing_with(granted.lease, now);
                let lease = LeaseRef { deployment: self.no, lease: granted.lease };
                if !granted.repeated && standing.limit != self.policy.limit {
                    checks::grant(&self.id, &Standing { limit: self.policy.limit, ..standing });
                }
                if let Some(event) = event {
                    self.journal(event, holders, now, draft);
                }
                Ok(Reply::Granted { lease, granted, standing })
            }
            Ok(_) => Ok(Reply::Noted),
            Err(refusal @ Refusal::Denied(_)) => {
                let standing = Some(standing_of_denied(book, wish.ahead, now));
                Err(OpError::Refused { refusal, standing })
            }
            Err(refusal) => Err(refused(refusal)),
        }
    }
}

/// How the window stands that was asked for.
fn standing_of_denied(book: &mut Book, ahead: bool, now: &Now) -> Standing {
    if ahead && book.policy().kind == WindowKind::Minute {
        let first_of_next = LeaseId { window: now.window.number + 1, number: 0 };
        book.standing_with(first_of_next, now)
    } else {
        book.standing(now)
    }
}

fn refused(refusal: Refusal) -> OpError {
    match refusal {
        Refusal::NotYours => OpError::NotYourLease,
        refusal => OpError::Refused { refusal, standing: None },
    }
}

fn reply(outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Returned(returned) => Reply::Returned(*returned),
        Outcome::Used(used) => Reply::Used(*used),
        // A command on a lease grants nothing.
        Outcome::Noted | Outcome::Granted(_) => Reply::Noted,
    }
}
