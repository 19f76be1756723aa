use serde::{Deserialize, Serialize};

/// A unit that a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tokens.
    Tokens,
    /// Requests.
    Requests,
}

/// What comes back of a unit when a request is settled for less than it reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settle {
    /// The difference.
    Difference,
    /// Nothing, once the request was sent.
    Never,
}

/// What is to be known of a unit.
struct Row {
    unit: Unit,
    name: &'static str,
    settle: Settle,
}

/// All of them, in the order in which units stand everywhere: where several are short, the first is
/// named.
const ROWS: &[Row] = &[
    Row { unit: Unit::Tokens, name: "tokens", settle: Settle::Difference },
    Row { unit: Unit::Requests, name: "requests", settle: Settle::Never },
];

impl Unit {
    /// How many there are.
    pub const COUNT: usize = ROWS.len();

    /// All of them, in their order.
    pub const ALL: [Self; Self::COUNT] = {
        let mut all = [Self::Tokens; Self::COUNT];
        let mut at = 0;
        while at < Self::COUNT {
            assert!(ROWS[at].unit as usize == at, "rows stand in the order of the enum");
            all[at] = ROWS[at].unit;
            at += 1;
        }
        all
    };

    /// Its name, which is also that of its fields in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ROWS[self as usize].name
    }

    /// What comes back of it.
    #[must_use]
    pub const fn settle(self) -> Settle {
        ROWS[self as usize].settle
    }
}
