//! Who may do what: bearer tokens and names in certificates, each of a credential with a role.
//!
//! Tokens are hashed as soon as they are read; only their SHA-256 is kept, and compared in constant
//! time. A token of 256 random bits needs no salt and no slow hash. The credential's name is what
//! leases are bound to, so two tokens of one name can follow each other (rotation), or a
//! certificate a token, without orphaning leases.
//!
//! Every call passes the [`Gate`], which asks the [`Access`] of the moment; a [`Keyring`] makes it
//! from its file, at the start and whenever the file changes.

mod access;
mod failures;
mod file;
mod fresh;
mod gate;
mod keyring;
mod role;

use std::sync::Arc;

use access::Fingerprint;

pub use access::{Access, Roster, Shown, Stranger};
pub use fresh::FreshToken;
pub use gate::{Gate, NotAdmitted};
pub use keyring::Keyring;
pub use role::{Permission, Role};

/// The credential of everybody where no tokens are configured.
pub const ANONYMOUS: &str = "anonymous";

/// Who asked, as far as a token or a certificate tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What leases are bound to.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
}

/// A token, as the server keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub credential: Credential,
    fingerprint: Fingerprint,
}

impl Token {
    /// A token of which the SHA-256 is known.
    #[must_use]
    pub fn hashed(name: &str, role: Role, sha256: [u8; 32]) -> Self {
        let credential = Credential { name: name.into(), role };
        Self { credential, fingerprint: Fingerprint(sha256) }
    }

    /// A token of which the text is known; the text is not kept.
    #[must_use]
    pub fn plain(name: &str, role: Role, text: &str) -> Self {
        Self::hashed(name, role, Fingerprint::of(text).0)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("credential", &self.credential)
            .field("fingerprint", &"redacted")
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let token = Token::plain("gw", Role::Gateway, "sesame");
        let hash = hex::encode(token.fingerprint.0);
        let shown = format!("{token:?}");
        assert!(shown.contains("gw"));
        assert!(!shown.contains("sesame") && !shown.contains(&hash[..8]), "{shown}");
        assert!(!shown.contains(&format!("{:?}", token.fingerprint.0)), "{shown}");
    }
}
