use serde::{Deserialize, Serialize};

use crate::{Amount, reading};

/// The period that a limit counts over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// The aligned UTC minute.
    #[default]
    Minute,
    /// Any 60 s.
    Rolling,
}

/// The answer to `GET /v1/deployments/{id}/windows`, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowList {
    /// The books, newest first. A minute in which nothing happened has none.
    pub windows: Vec<WindowBook>,
}

/// The book of one window. It adds up: `granted = given_back + used + held + burnt`, in tokens and
/// in requests. With `rolling` it is the book of the leases that were granted in that minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowBook {
    /// The minute's start, RFC 3339, by the ledger's clock.
    pub starts_at: String,
    /// The kind of window.
    #[serde(deserialize_with = "reading::kind")]
    pub kind: WindowKind,
    /// The token limit at its end.
    pub tpm_limit: Option<u64>,
    /// The request limit at its end.
    pub rpm_limit: Option<u64>,
    /// All that was granted.
    pub granted: Amount,
    /// What of it was given back in time.
    pub given_back: Amount,
    /// What of it is reported as used.
    pub used: Amount,
    /// What of it is with holders, in leases that have not ended.
    pub held: Amount,
    /// What of it ended without word so far: charged, and nobody has said for what. Requests that
    /// still run are in here until they are settled.
    pub burnt: Amount,
    /// Real usage above what was reserved, apart from the grants.
    pub overrun: Amount,
    /// Draws that were denied, by the server and, as far as they told, by the holders.
    pub denied: Amount,
    /// The window is over; only late usage reports can still move `burnt` to `used`.
    pub over: bool,
}
