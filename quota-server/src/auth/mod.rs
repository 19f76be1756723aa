//! Who may do what: bearer tokens, each with a name and a role.
//!
//! Tokens are hashed as soon as they are read; only their SHA-256 is kept, and compared in constant
//! time. A token of 256 random bits needs no salt and no slow hash. The token's name is the
//! credential that leases are bound to, so two tokens of one name can follow each other (rotation)
//! without orphaning leases.

mod file;
mod fresh;
mod role;

use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

pub use file::read_tokens;
pub use fresh::FreshToken;
pub use role::{Permission, Role};

/// The credential of everybody where no tokens are configured.
pub const ANONYMOUS: &str = "anonymous";

/// Who asked, as far as a token tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What leases are bound to: the token's name.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
}

/// A token, as the server keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub credential: Credential,
    sha256: [u8; 32],
}

impl Token {
    /// A token of which the SHA-256 is known.
    #[must_use]
    pub fn hashed(name: &str, role: Role, sha256: [u8; 32]) -> Self {
        Self { credential: Credential { name: name.into(), role }, sha256 }
    }

    /// A token of which the text is known; the text is not kept.
    #[must_use]
    pub fn plain(name: &str, role: Role, text: &str) -> Self {
        Self::hashed(name, role, Sha256::digest(text).into())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("credential", &self.credential)
            .field("sha256", &"redacted")
            .finish()
    }
}

/// Who is let in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody, to everything.
    Anonymous,
    /// Whoever shows one of these.
    Tokens(Vec<Token>),
}

impl Access {
    /// Tokens, or everybody where there are none.
    #[must_use]
    pub fn of(tokens: Vec<Token>) -> Self {
        if tokens.is_empty() { Self::Anonymous } else { Self::Tokens(tokens) }
    }

    /// Whose token `shown` is. `None`: nobody's. Where everybody is let in, nobody looks at it.
    #[must_use]
    pub fn identify(&self, shown: Option<&str>) -> Option<Credential> {
        match (self, shown) {
            (Self::Anonymous, _) => Some(Credential { name: ANONYMOUS.into(), role: Role::Admin }),
            (Self::Tokens(tokens), Some(shown)) => find(tokens, shown),
            (Self::Tokens(_), None) => None,
        }
    }
}

/// Looks at every token, whichever it is: how long it takes tells nothing.
fn find(tokens: &[Token], shown: &str) -> Option<Credential> {
    let shown: [u8; 32] = Sha256::digest(shown).into();
    let mut found = Choice::from(0);
    let mut at = 0_u64;
    for (index, token) in (0_u64..).zip(tokens) {
        let is_it = token.sha256.ct_eq(&shown);
        at.conditional_assign(&index, is_it);
        found |= is_it;
    }
    let index = usize::try_from(at).ok().filter(|_| found.into())?;
    tokens.get(index).map(|token| token.credential.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access::of(vec![
            Token::plain("gw", Role::Gateway, "first"),
            Token::plain("ops", Role::Admin, "second"),
            Token::plain("gw", Role::Gateway, "third"),
        ])
    }

    #[test]
    fn a_token_tells_whose_it_is() {
        let name = |shown| access().identify(shown).map(|found| found.name.to_string());
        assert_eq!(name(Some("first")).as_deref(), Some("gw"));
        assert_eq!(name(Some("second")).as_deref(), Some("ops"));
        assert_eq!(name(Some("third")).as_deref(), Some("gw"));
        for wrong in ["", "firs", "firstt", "FIRST", "gw"] {
            assert_eq!(name(Some(wrong)), None, "{wrong}");
        }
        assert_eq!(name(None), None);
    }

    #[test]
    fn without_tokens_everybody_may_everything() {
        let anybody = Access::of(Vec::new()).identify(None).unwrap();
        assert_eq!((&*anybody.name, anybody.role), (ANONYMOUS, Role::Admin));
    }

    #[test]
    fn debug_shows_no_secret() {
        let token = Token::plain("gw", Role::Gateway, "sesame");
        let hash = hex::encode(token.sha256);
        let shown = format!("{token:?}");
        assert!(shown.contains("gw"));
        assert!(!shown.contains("sesame") && !shown.contains(&hash[..8]), "{shown}");
        assert!(!shown.contains(&format!("{:?}", token.sha256)), "{shown}");
    }
}
