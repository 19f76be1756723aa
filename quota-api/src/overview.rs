use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Amount, LimitStanding, State, Usage, WindowKind};

/// The answer to `GET /v1/overview`: the server, and every deployment at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// The server that answers.
    pub server: ServerInfo,
    /// When the ledger's open minute ends.
    pub minute_ends_in_ms: u64,
    /// How long this answer is given to everybody who asks: asking sooner shows nothing new.
    pub fresh_for_ms: u64,
    /// The deployments, by id.
    pub deployments: Vec<DeploymentOverview>,
}

/// A server, as it sees itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// Its version.
    pub version: String,
    /// How long it has been up.
    pub uptime_ms: u64,
    /// Whether it writes the books.
    pub role: ServerRole,
    /// Who keeps the book.
    pub ledger: LedgerKind,
    /// The ledger can write just now.
    pub writable: bool,
    /// Settings of the store under which answered writes can be lost.
    pub warnings: Vec<String>,
}

/// What a server is among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ServerRole {
    /// It writes the books.
    Active,
    /// Another one does; what it shows may be some hundred ms old.
    Standby,
}

/// Where the books are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// In memory, with a journal in SQLite.
    Embedded,
    /// In memory, with a journal in PostgreSQL.
    Postgres,
    /// In Redis.
    Redis,
}

/// A deployment at a glance.
///
/// Its book is the open minute's and adds up: `granted = given_back + used + held + burnt`, in
/// tokens and in requests. With a `minute` window, `usage` is of the same minute: `outstanding =
/// granted - given_back`. With `rolling`, `usage` is of the last 60 s, and the book of the leases
/// that were granted in this minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentOverview {
    /// Its id.
    pub id: String,
    /// The model group that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_group: Option<String>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Counts its changes; in quotes it is the `ETag`.
    pub version: u64,
    /// The period that its limits count over.
    pub window: WindowKind,
    /// The fields that are not as the servers' deployments file says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// What its quota is like.
    pub state: State,
    /// How full its window is.
    pub usage: Usage,
    /// All that was granted in this minute.
    pub granted: Amount,
    /// What of it was given back.
    pub given_back: Amount,
    /// What of it is reported as used.
    pub used: Amount,
    /// What of it is with holders, in leases that have not ended.
    pub held: Amount,
    /// What of it ended without word so far, running requests included.
    pub burnt: Amount,
    /// Draws that were denied in this minute, as far as known.
    pub denied: Amount,
    /// Leases that may still be drawn from. Of one with more than 1 000 in Redis, about so many.
    pub leases: u64,
    /// Holders that asked in the last 10 s.
    pub holders: u64,
    /// How its limits over longer periods stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitStanding>,
}
