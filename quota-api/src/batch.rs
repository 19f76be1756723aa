use serde::{Deserialize, Serialize};

use crate::{Amount, Ask, Code, GivenBack, Lease, Problem, UseRecorded, Which};

/// The body of `POST /v1/leases/batch`: one holder's beat. Returns are applied first, then usage
/// reports, then acquires, so that a holder can be granted what it just gave back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The gateway process that all of it is about.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\u0000-\u001F\u007F-\u009F]*$")
    )]
    pub holder: String,
    /// Leases wanted.
    #[serde(default)]
    pub acquire: Vec<AcquireItem>,
    /// Returns, as running totals for each lease.
    #[serde(default)]
    pub give_back: Vec<GiveBackItem>,
    /// Usage reports, as running totals for each lease.
    #[serde(default)]
    pub used: Vec<UsedItem>,
    /// What the holder denied by itself since its last beat: a statistic, no part of the book.
    #[serde(default)]
    pub denied: Vec<DeniedItem>,
}

/// One lease wanted: [`crate::Acquire`] without the holder. One that is out of its bounds fails by
/// itself, not the batch, so the document gives none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcquireItem {
    /// The deployment's id.
    pub deployment: String,
    /// Made by the holder, one for each lease that it wants: repeat it and get the same lease.
    pub request_id: String,
    /// Tokens asked for.
    pub tokens: Ask,
    /// Requests asked for.
    pub requests: Ask,
    /// Which window the lease is to be of.
    #[serde(default)]
    pub window: Which,
}

/// One return: [`crate::GiveBack`] with its lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GiveBackItem {
    /// The lease.
    pub lease_id: String,
    /// All tokens given back of this lease so far.
    pub tokens: u64,
    /// All requests given back of this lease so far.
    pub requests: u64,
    /// No more draws will be made from this lease.
    #[serde(default)]
    pub closed: bool,
}

/// One usage report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UsedItem {
    /// The lease.
    pub lease_id: String,
    /// All tokens used out of this lease so far, at most what it held.
    pub tokens: u64,
    /// All requests used out of this lease so far.
    pub requests: u64,
    /// Real usage that the lease could not cover, so far.
    #[serde(default)]
    pub overrun: Amount,
}

/// Draws that a holder denied by itself, since its last beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeniedItem {
    /// The deployment's id.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\u0000-\u001F\u007F-\u009F]*$")
    )]
    pub deployment: String,
    /// Tokens of the denied draws.
    pub tokens: u64,
    /// Requests of the denied draws.
    pub requests: u64,
}

/// The answer to a batch: one result for each entry, in the order of the entries. `denied` has
/// none. It is read entry by entry: one that makes no sense to this reader spoils no other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchReply {
    /// Results of `acquire`.
    pub acquire: Vec<Item<Lease>>,
    /// Results of `give_back`.
    pub give_back: Vec<Item<GivenBack>>,
    /// Results of `used`.
    pub used: Vec<Item<UseRecorded>>,
}

/// One result of a batch, with the status that the single call would have had: `body` below 400,
/// else `problem`. A reader leaves out what it cannot read of it; the status judges what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Item<T> {
    /// The HTTP status of this entry.
    pub status: u16,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<T>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
}

impl<T> Item<T> {
    /// An entry that went well.
    pub fn done(status: u16, body: T) -> Self {
        Self { status, body: Some(body), problem: None }
    }

    /// An entry that did not.
    #[must_use]
    pub fn failed(problem: Problem) -> Self {
        Self { status: problem.status, body: None, problem: Some(Box::new(problem)) }
    }

    /// Why it did not go well, if it did not: the problem's code, or what its status says.
    #[must_use]
    pub fn failure(&self) -> Option<Code> {
        match (&self.problem, self.status) {
            (Some(problem), _) => Some(problem.code),
            (None, 200..=299) => None,
            (None, status) => Some(Code::Unknown(status)),
        }
    }

    /// The answer, or why there is none. An entry that went well, with an answer that could not be
    /// read, is a [`Code::Internal`].
    ///
    /// # Errors
    /// The entry's problem.
    pub fn into_result(self) -> Result<T, Box<Problem>> {
        let failure = self.failure();
        match (self.body, self.problem) {
            (Some(body), _) => Ok(body),
            (None, Some(problem)) => Err(problem),
            (None, None) => {
                let code = failure.unwrap_or(Code::Internal);
                Err(Box::new(Problem::new(code, "the answer to this entry cannot be read")))
            }
        }
    }
}
