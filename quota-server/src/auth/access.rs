//! Who is known, and by what.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::{ANONYMOUS, Credential, Role};

/// The SHA-256 of a token. Two are compared in constant time; a map finds one by a hash that is
/// keyed anew at each start, so how long that takes tells nothing either.
#[derive(Clone, Copy, Eq)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// What a caller shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'a> {
    /// Its bearer token.
    pub token: Option<&'a str>,
    /// The names in its certificate, which was verified.
    pub names: &'a [String],
}

/// Why a caller is nobody that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// It shows no token, and no certificate with a name that is known.
    #[error("send `authorization: Bearer <token>` with a token that this server knows")]
    ShowsNothing,
    /// It shows a token that is nobody's.
    #[error("this server does not know the token")]
    WrongToken,
    /// Its token and the names in its certificate are not all of one credential.
    #[error("the token and the certificate belong to different credentials")]
    Contradiction,
}

/// Who is let in.
#[derive(Clone)]
pub enum Access {
    /// Everybody, to everything.
    Anonymous,
    /// Whoever is on the roster.
    Known(Roster),
}

impl Access {
    /// Who calls.
    ///
    /// # Errors
    /// Nobody who is known. Where everybody is let in, nobody looks.
    pub fn identify(&self, shown: Shown<'_>) -> Result<Credential, Stranger> {
        match self {
            Self::Anonymous => Ok(Credential { name: ANONYMOUS.into(), role: Role::Admin }),
            Self::Known(roster) => roster.identify(shown),
        }
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Known(roster) => write!(f, "Known({roster})"),
        }
    }
}

/// All credentials, by their tokens and by names in certificates.
#[derive(Clone, Default)]
pub struct Roster {
    tokens: HashMap<Fingerprint, Credential>,
    names: HashMap<String, Credential>,
    roles: HashMap<Arc<str>, Role>,
}

impl Roster {
    /// A credential of this name; `None` if the name has another role already.
    pub(super) fn credential(&mut self, name: &str, role: Role) -> Option<Credential> {
        let name =
            self.roles.get_key_value(name).map_or_else(|| name.into(), |(name, _)| name.clone());
        let known = *self.roles.entry(Arc::clone(&name)).or_insert(role);
        (known == role).then_some(Credential { name, role })
    }

    pub(super) fn add_token(&mut self, fingerprint: Fingerprint, credential: Credential) {
        self.tokens.insert(fingerprint, credential);
    }

    pub(super) fn add_name(&mut self, name: String, credential: Credential) {
        self.names.insert(name, credential);
    }

    pub(super) fn has_token(&self, fingerprint: &Fingerprint) -> bool {
        self.tokens.contains_key(fingerprint)
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Nobody is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.names.is_empty()
    }

    /// Whether a certificate can be a credential.
    #[must_use]
    pub fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    fn identify(&self, shown: Shown<'_>) -> Result<Credential, Stranger> {
        let by_token = match shown.token {
            Some(token) => {
                Some(self.tokens.get(&Fingerprint::of(token)).ok_or(Stranger::WrongToken)?)
            }
            None => None,
        };
        let by_name = shown.names.iter().filter_map(|name| self.names.get(name.as_str()));
        let mut found = by_token.into_iter().chain(by_name);
        let first = found.next().ok_or(Stranger::ShowsNothing)?;
        if found.any(|other| other != first) {
            return Err(Stranger::Contradiction);
        }
        Ok(first.clone())
    }
}

/// How many there are of each.
impl std::fmt::Display for Roster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens", self.tokens.len())?;
        match self.names.len() {
            0 => Ok(()),
            names => write!(f, ", {names} names in certificates"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> Access {
        let mut roster = Roster::default();
        let credential = |name: &str, role| Credential { name: name.into(), role };
        roster.add_token(Fingerprint::of("first"), credential("gw", Role::Gateway));
        roster.add_token(Fingerprint::of("second"), credential("ops", Role::Admin));
        roster.add_token(Fingerprint::of("third"), credential("gw", Role::Gateway));
        roster.add_name("gw.example".to_owned(), credential("gw", Role::Gateway));
        roster.add_name("spiffe://a/ops".to_owned(), credential("ops", Role::Admin));
        Access::Known(roster)
    }

    fn identify(token: Option<&str>, names: &[&str]) -> Result<String, Stranger> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let found = roster().identify(Shown { token, names: &names });
        found.map(|credential| credential.name.to_string())
    }

    #[test]
    fn a_token_tells_whose_it_is() {
        assert_eq!(identify(Some("first"), &[]).unwrap(), "gw");
        assert_eq!(identify(Some("second"), &[]).unwrap(), "ops");
        assert_eq!(identify(Some("third"), &[]).unwrap(), "gw");
        for wrong in ["", "firs", "firstt", "FIRST", "gw", "gw.example"] {
            assert_eq!(identify(Some(wrong), &[]), Err(Stranger::WrongToken), "{wrong}");
        }
        assert_eq!(identify(None, &[]), Err(Stranger::ShowsNothing));
    }

    #[test]
    fn a_name_in_a_certificate_does_too() {
        assert_eq!(identify(None, &["gw.example"]).unwrap(), "gw");
        assert_eq!(identify(None, &["other.example", "spiffe://a/ops"]).unwrap(), "ops");
        assert_eq!(identify(None, &["other.example"]), Err(Stranger::ShowsNothing));
        assert_eq!(identify(None, &["first"]), Err(Stranger::ShowsNothing));
    }

    #[test]
    fn what_is_shown_must_be_of_one_credential() {
        assert_eq!(identify(Some("first"), &["gw.example"]).unwrap(), "gw");
        assert_eq!(identify(Some("first"), &["unknown.example"]).unwrap(), "gw");
        for (token, names) in [
            (Some("second"), &["gw.example"][..]),
            (None, &["gw.example", "spiffe://a/ops"]),
            (Some("first"), &["gw.example", "spiffe://a/ops"]),
        ] {
            assert_eq!(identify(token, names), Err(Stranger::Contradiction), "{token:?} {names:?}");
        }
        assert_eq!(identify(Some("wrong"), &["gw.example"]), Err(Stranger::WrongToken));
    }

    #[test]
    fn without_a_roster_everybody_may_everything() {
        let anybody = Access::Anonymous.identify(Shown::default()).unwrap();
        assert_eq!((&*anybody.name, anybody.role), (ANONYMOUS, Role::Admin));
    }
}
