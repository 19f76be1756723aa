//! What the library answers.

use std::sync::Arc;

use quota_core::{
    Amount, BookPage, Denial, Granted, HeldLease, HolderId, LateUse, LeaseId, Limit, Now, Overview,
    Refusal, Returned, Standing, State, Unit, Used, WindowKind,
};
use redis::Value;

use super::wire::Fields;
use super::{Cursor, period};

/// An answer of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// There is no such book.
    Missing,
    /// The book's policy is older than the call's version; nothing happened.
    Outdated(Mark),
    /// The book answers.
    Here(Mark, Answer),
}

/// How the book stood when it answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Counts the changes of the book; jumps where writes were lost.
    pub(crate) seq: u64,
    /// The version of its policy. One above the caller's: the caller's catalogue is out of date.
    pub(crate) version: u64,
    /// The ledger's time, ms.
    pub(crate) ledger_ms: u64,
    /// The open window's number.
    pub(crate) window: u64,
    /// How long nothing is granted any more, ms; 0 if the book is not quarantined.
    pub(crate) quarantined_for_ms: u64,
    /// This call found that writes were lost, and quarantined the book.
    pub(crate) is_new_quarantine: bool,
}

/// What came of the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What came of each operation.
    Ran(Vec<Answer>),
    /// A lease, and how its window stands after all operations of the call.
    Granted(Granted, Standing),
    /// A return, entered.
    Returned(Returned),
    /// A report, entered.
    Used(Used),
    /// Done.
    Noted,
    /// The book says no; with a denial, how the window stands that was asked for, likewise.
    Refused(Refusal, Option<Standing>),
    /// The lease was acquired with another credential.
    NotYourLease,
    /// There is a book now, if there was none.
    Opened,
    /// The book's policy has this version or a later one.
    Configured,
    /// The ledger's time, and how the open window stands.
    Standing(Now, Standing),
    /// The ledger's time, and the windows that are in Redis, oldest first.
    Pages(Now, Vec<BookPage>),
    /// Who holds what.
    Held(HeldPage),
    /// The deployment at a glance.
    Overview(Box<Overview>),
    /// Closed windows for the history.
    Harvest(Vec<Due>),
    /// The book is gone.
    Forgotten,
    /// Something is charged to the book, or due, or it is quarantined.
    Busy,
}

/// A part of a listing of leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldPage {
    /// The leases, each with its holder's name. Their holders' numbers mean nothing.
    pub(crate) leases: Vec<(Arc<str>, HeldLease)>,
    /// Where to go on; `None`: that was all.
    pub(crate) next: Option<Cursor>,
}

/// A closed window for the history. Its sums are absolute, so storing it again does no harm; used
/// and overrun only grow, so of two the one with the later stamp is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// To be acknowledged with the window's number.
    pub(crate) stamp: u64,
    /// The window.
    pub(crate) page: BookPage,
}

/// An answer that this build cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the book in Redis answers what this build cannot read")]
pub(crate) struct Unreadable;

impl Reply {
    /// Reads an answer.
    ///
    /// # Errors
    /// It is none of this library's.
    pub(crate) fn read(value: &Value) -> Result<Self, Unreadable> {
        let mut fields = Fields::of(value)?;
        let word = fields.text()?;
        if word == "missing" {
            return Ok(Self::Missing);
        }
        let mark = Mark::read(&mut fields)?;
        let limits = Limits { kind: fields.kind()?, limit: fields.limit()? };
        let shown = Shown { limits, windows: Vec::new() };
        if word == "outdated" {
            return Ok(Self::Outdated(mark));
        }
        Ok(Self::Here(mark, Answer::read(word, &mut fields, &shown)?))
    }
}

impl Mark {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            seq: fields.number()?,
            version: fields.number()?,
            ledger_ms: fields.number()?,
            window: fields.number()?,
            quarantined_for_ms: fields.number()?,
            is_new_quarantine: fields.flag()?,
        })
    }
}

/// What is the same in all standings of one reply.
#[derive(Clone, Copy)]
struct Limits {
    kind: WindowKind,
    limit: Limit,
}

impl Limits {
    fn standing(self, fields: &mut Fields<'_>) -> Result<Standing, Unreadable> {
        let (outstanding, overrun) = (fields.amount()?, fields.amount()?);
        let Self { kind, limit } = self;
        Ok(Standing { kind, limit, outstanding, overrun, state: state(fields)? })
    }
}

/// How the windows stand that the answers of a reply speak of.
struct Shown {
    limits: Limits,
    windows: Vec<(u64, Standing)>,
}

impl Shown {
    fn standing(&self, window: u64) -> Result<Standing, Unreadable> {
        let found = self.windows.iter().find(|(number, _)| *number == window);
        found.map(|(_, standing)| *standing).ok_or(Unreadable)
    }
}

impl Answer {
    fn read(word: &str, fields: &mut Fields<'_>, shown: &Shown) -> Result<Self, Unreadable> {
        Ok(match word {
            "ran" => Self::Ran(answers(fields, shown.limits)?),
            "granted" => {
                let granted = granted(fields)?;
                Self::Granted(granted, shown.standing(granted.lease.window)?)
            }
            "returned" => Self::Returned(Returned {
                credited: fields.amount()?,
                given_back: fields.amount()?,
            }),
            "used" => Self::Used(used(fields)?),
            "noted" => Self::Noted,
            "not_yours" => Self::NotYourLease,
            "opened" => Self::Opened,
            "configured" => Self::Configured,
            "standing" => Self::Standing(fields.now()?, shown.limits.standing(fields)?),
            "pages" => Self::Pages(fields.now()?, pages(fields)?),
            "leases" => Self::Held(held(fields)?),
            "overview" => Self::Overview(Box::new(overview(fields, shown.limits)?)),
            "harvest" => Self::Harvest(harvest(fields)?),
            "forgotten" => Self::Forgotten,
            "busy" => Self::Busy,
            "denied" => {
                let refusal = Refusal::Denied(denial(fields)?);
                Self::Refused(refusal, Some(shown.standing(fields.number()?)?))
            }
            word => Self::Refused(refusal(word, fields)?, None),
        })
    }
}

fn answers(fields: &mut Fields<'_>, limits: Limits) -> Result<Vec<Answer>, Unreadable> {
    let mut shown = Shown { limits, windows: Vec::new() };
    for _ in 0..fields.number()? {
        shown.windows.push((fields.number()?, limits.standing(fields)?));
    }
    let mut answers = Vec::new();
    while !fields.is_empty() {
        match fields.text()? {
            "grants" => grants(fields, &shown, &mut answers)?,
            word => answers.push(Answer::read(word, fields, &shown)?),
        }
    }
    Ok(answers)
}

/// Leases that follow on each other in one window: all the same but for their amounts, of which
/// each is 5 bytes of tokens and 3 of requests.
fn grants(
    fields: &mut Fields<'_>,
    shown: &Shown,
    answers: &mut Vec<Answer>,
) -> Result<(), Unreadable> {
    let first = lease(fields)?;
    let [starts_in_ms, expires_in_ms, credit_ends_in_ms] =
        [fields.number()?, fields.number()?, fields.number()?];
    let returns_in_ms = period::returns_in_ms(fields)?;
    let standing = shown.standing(first.window)?;
    for (place, amount) in (0..).zip(fields.bytes()?.chunks(8)) {
        let number = first.number.checked_add(place).ok_or(Unreadable)?;
        let lease = LeaseId { number, ..first };
        let amount = packed_amount(amount)?;
        let granted = Granted {
            lease,
            amount,
            starts_in_ms,
            expires_in_ms,
            credit_ends_in_ms,
            returns_in_ms,
            repeated: false,
        };
        answers.push(Answer::Granted(granted, standing));
    }
    Ok(())
}

fn packed_amount(bytes: &[u8]) -> Result<Amount, Unreadable> {
    let packed = u64::from_be_bytes(bytes.try_into().map_err(|_| Unreadable)?);
    Ok(Amount::new(packed >> 24, packed & 0xff_ffff))
}

fn refusal(word: &str, fields: &mut Fields<'_>) -> Result<Refusal, Unreadable> {
    Ok(match word {
        "never_fits" => {
            let (unit, period) = (unit(fields)?, period::read(fields)?);
            Refusal::NeverFits { unit, period, limit: fields.number()? }
        }
        "want_below_min" => Refusal::WantBelowMin,
        "nothing_asked" => Refusal::NothingAsked,
        "request_id_reused" => Refusal::OtherWish,
        "lease_closed" => Refusal::LeaseClosed,
        "too_early" => Refusal::TooEarly { in_ms: fields.number()? },
        "no_such_lease" => Refusal::NoSuchLease,
        "exceeds_lease" => Refusal::ExceedsLease,
        "kind_is_fixed" => Refusal::KindIsFixed,
        _ => return Err(Unreadable),
    })
}

fn lease(fields: &mut Fields<'_>) -> Result<LeaseId, Unreadable> {
    Ok(LeaseId { window: fields.number()?, number: fields.small()? })
}

fn granted(fields: &mut Fields<'_>) -> Result<Granted, Unreadable> {
    Ok(Granted {
        lease: lease(fields)?,
        amount: fields.amount()?,
        starts_in_ms: fields.number()?,
        expires_in_ms: fields.number()?,
        credit_ends_in_ms: fields.number()?,
        returns_in_ms: period::returns_in_ms(fields)?,
        repeated: fields.flag()?,
    })
}

fn used(fields: &mut Fields<'_>) -> Result<Used, Unreadable> {
    let (used, overrun, overrun_added) = (fields.amount()?, fields.amount()?, fields.amount()?);
    let is_late = fields.flag()?;
    let late = LateUse { window: fields.number()?, used: fields.amount()?, overrun: overrun_added };
    Ok(Used { used, overrun, overrun_added, late: is_late.then_some(late) })
}

pub(super) fn unit(fields: &mut Fields<'_>) -> Result<Unit, Unreadable> {
    let at = usize::try_from(fields.number()?).map_err(|_| Unreadable)?;
    Unit::ALL.get(at).copied().ok_or(Unreadable)
}

fn state(fields: &mut Fields<'_>) -> Result<State, Unreadable> {
    Ok(match fields.number()? {
        0 => State::Ok,
        1 => State::Endgame,
        2 => State::Exhausted,
        3 => State::Quarantined,
        _ => return Err(Unreadable),
    })
}

fn denial(fields: &mut Fields<'_>) -> Result<Denial, Unreadable> {
    let (unit, period) = (unit(fields)?, period::read(fields)?);
    Ok(Denial { unit, period, retry_after_ms: fields.number()?, state: state(fields)? })
}

fn page(fields: &mut Fields<'_>) -> Result<BookPage, Unreadable> {
    Ok(BookPage {
        window: fields.number()?,
        minute: fields.number()?,
        kind: fields.kind()?,
        limit: fields.limit()?,
        granted: fields.amount()?,
        given_back: fields.amount()?,
        used: fields.amount()?,
        held: fields.amount()?,
        burnt: fields.amount()?,
        overrun: fields.amount()?,
        denied: fields.amount()?,
        over: fields.flag()?,
    })
}

fn pages(fields: &mut Fields<'_>) -> Result<Vec<BookPage>, Unreadable> {
    let mut pages = Vec::new();
    while !fields.is_empty() {
        pages.push(page(fields)?);
    }
    Ok(pages)
}

fn harvest(fields: &mut Fields<'_>) -> Result<Vec<Due>, Unreadable> {
    let mut due = Vec::new();
    while !fields.is_empty() {
        due.push(Due { stamp: fields.number()?, page: page(fields)? });
    }
    Ok(due)
}

fn overview(fields: &mut Fields<'_>, limits: Limits) -> Result<Overview, Unreadable> {
    let now = fields.now()?;
    let standing = limits.standing(fields)?;
    let (leases, holders) = (fields.number()?, fields.number()?);
    let periods = (0..fields.number()?).map(|_| period::standing(fields));
    let periods = periods.collect::<Result<_, _>>()?;
    let (page, ends_in_ms) = (page(fields)?, now.window_ends_in_ms());
    Ok(Overview { standing, periods, page, leases, holders, ends_in_ms })
}

fn held(fields: &mut Fields<'_>) -> Result<HeldPage, Unreadable> {
    let cursor = Cursor { window: fields.number()?, number: fields.number()? };
    let next = (cursor.window != 0).then_some(cursor);
    let mut leases = Vec::new();
    while !fields.is_empty() {
        let lease = held_lease(fields)?;
        leases.push((Arc::from(fields.text()?), lease));
    }
    Ok(HeldPage { leases, next })
}

fn held_lease(fields: &mut Fields<'_>) -> Result<HeldLease, Unreadable> {
    Ok(HeldLease {
        lease: lease(fields)?,
        holder: HolderId(0),
        granted: fields.amount()?,
        given_back: fields.amount()?,
        used: fields.amount()?,
        starts_in_ms: fields.number()?,
        expires_in_ms: fields.number()?,
    })
}

#[cfg(test)]
mod tests;
