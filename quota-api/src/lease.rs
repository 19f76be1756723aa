use serde::{Deserialize, Serialize};

use crate::{Amount, Ask, Usage, WindowKind, reading};

/// The body of `POST /v1/leases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Acquire {
    /// The deployment's id.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\u0000-\u001F\u007F-\u009F]*$")
    )]
    pub deployment: String,
    /// The gateway process: a name plus an id made at its start, `gw-1/5f3a9c`.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\u0000-\u001F\u007F-\u009F]*$")
    )]
    pub holder: String,
    /// Made by the holder, one for each lease that it wants: repeat it and get the same lease.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\u0000-\u001F\u007F-\u009F]*$")
    )]
    pub request_id: String,
    /// Tokens asked for.
    pub tokens: Ask,
    /// Requests asked for.
    pub requests: Ask,
    /// Which window the lease is to be of.
    #[serde(default)]
    pub window: Which,
}

/// Which window a lease is asked of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The window that is open now.
    #[default]
    Current,
    /// The one after it, in the last moments before it opens; the lease says in how many ms it
    /// starts. A `rolling` deployment has no next window and grants from now.
    Next,
}

/// A lease, as granted. Durations count from the moment of the answer's making: a holder counts an
/// end from *before it sent the request*, a start from *when the answer came*.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lease {
    /// Names the lease in returns and reports.
    pub lease_id: String,
    /// The deployment's id.
    pub deployment: String,
    /// Tokens that it was granted, also where a repeated request is answered after some were given
    /// back.
    pub tokens: u64,
    /// Requests that it was granted, likewise.
    pub requests: u64,
    /// From when on it may be drawn from; 0 except for a lease of the next window.
    pub starts_in_ms: u64,
    /// From when on it may not be drawn from any more; 0 if that is past (a repeated request).
    pub expires_in_ms: u64,
    /// The window that it is charged to.
    pub window: LeaseWindow,
    /// The deployment's state after this grant.
    pub state: State,
    /// How full the window is after this grant.
    pub usage: Usage,
}

/// The window that a lease is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeaseWindow {
    /// Its kind. A reader takes one that it does not know for `rolling`, of which it expects the
    /// least.
    #[serde(deserialize_with = "reading::kind")]
    pub kind: WindowKind,
    /// How long returns still earn credit: to the window's end, or with `rolling` until the
    /// lease's charge leaves the last 60 s.
    pub ends_in_ms: u64,
    /// How long they still come back to limits over longer periods, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns_in_ms: Option<u64>,
}

/// What a deployment's quota is like just now. A reader takes a state that it does not know for
/// [`State::Endgame`]: so it holds no more than its requests need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There is room.
    Ok,
    /// Little is left: holders give back their rests at their next beat and ask for exact amounts.
    Endgame,
    /// Nothing is left that would fit: denials need no asking.
    Exhausted,
    /// The window's ledger cannot be vouched for: nothing is granted until the next window.
    Quarantined,
}

/// The body of `POST /v1/leases/{lease_id}/return`: running totals for that lease. Repeated and
/// reordered messages change nothing, since totals merge by maximum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GiveBack {
    /// All tokens given back of this lease so far, each first taken out of it.
    pub tokens: u64,
    /// All requests given back of this lease so far.
    pub requests: u64,
    /// No more draws will be made from this lease; only refunds of its permits may still follow.
    #[serde(default)]
    pub closed: bool,
}

/// The answer to a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GivenBack {
    /// The lease.
    pub lease_id: String,
    /// What this message credited to the window; nothing once the window is over.
    pub credited: Amount,
    /// All that was credited of this lease.
    pub given_back: Amount,
}

/// The answer to a usage report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UseRecorded {
    /// The lease.
    pub lease_id: String,
    /// What the book has as used out of this lease.
    pub used: Amount,
    /// What the book has as overrun of this lease.
    pub overrun: Amount,
}

/// The answer to `GET /v1/deployments/{id}/leases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeaseList {
    /// The leases that may still be drawn from, oldest first.
    pub leases: Vec<HeldLease>,
    /// What `after` takes for the leases after these; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A lease, as the book has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldLease {
    /// The lease.
    pub lease_id: String,
    /// Who holds it.
    pub holder: String,
    /// What was granted.
    pub granted: Amount,
    /// What of it was given back.
    pub given_back: Amount,
    /// What of it is reported as used.
    pub used: Amount,
    /// When it may be drawn from; 0 when already.
    pub starts_in_ms: u64,
    /// When it ends.
    pub expires_in_ms: u64,
}
