use serde::Deserialize;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A gateway: takes leases and gives them back, reads what deployments there are.
    Gateway,
    /// Reads everything, changes nothing.
    Viewer,
    /// May do everything.
    Admin,
}

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// To take leases, give back and report.
    TakeLeases,
    /// To see what deployments there are, with their limits.
    ReadDeployments,
    /// To see books, and who holds what.
    ReadBooks,
    /// To make, change and remove deployments.
    ChangeDeployments,
}

impl Role {
    /// Whether this role has that permission.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        use Permission::{ChangeDeployments, ReadBooks, ReadDeployments, TakeLeases};
        match permission {
            TakeLeases => matches!(self, Self::Gateway | Self::Admin),
            ReadDeployments => true,
            ReadBooks => matches!(self, Self::Viewer | Self::Admin),
            ChangeDeployments => matches!(self, Self::Admin),
        }
    }

    /// The role, as the tokens file has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }
}
