//! The tokens file:
//!
//! ```toml
//! [[token]]
//! name = "gw"
//! role = "gateway"
//! sha256 = "<hex of the token's SHA-256>"
//!
//! [[certificate]]
//! name = "gw"
//! role = "gateway"
//! san = "gw.example"
//! ```

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Credential, Fingerprint, Role, Roster};
use crate::mistake::{Mistake, place_of};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensFile {
    #[serde(default)]
    token: Vec<Spanned<TokenEntry>>,
    #[serde(default)]
    certificate: Vec<Spanned<CertificateEntry>>,
}

/// A token, by its hash.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    name: String,
    role: Role,
    sha256: String,
}

/// A certificate, by a subject alternative name in it: a DNS name or a URI.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateEntry {
    name: String,
    role: Role,
    san: String,
}

/// Reads a tokens file.
///
/// # Errors
/// The file cannot be read, or an entry is wrong: which one, and why.
pub(super) fn read(path: &Path) -> Result<Roster, Mistake> {
    let text = std::fs::read_to_string(path).map_err(|error| Mistake::unreadable(path, &error))?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Roster, Mistake> {
    let file: TokensFile =
        toml::from_str(text).map_err(|error| Mistake::in_toml(path, text, &error))?;
    let mut roster = Roster::default();
    let wrong = |span, what| Mistake::at(place_of(path, text, Some(span)), what);
    for entry in &file.token {
        entry.get_ref().enter(&mut roster).map_err(|what| wrong(entry.span(), what))?;
    }
    for entry in &file.certificate {
        entry.get_ref().enter(&mut roster).map_err(|what| wrong(entry.span(), what))?;
    }
    Ok(roster)
}

impl TokenEntry {
    fn enter(&self, roster: &mut Roster) -> Result<(), String> {
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&self.sha256, &mut sha256)
            .map_err(|_| "`sha256` must be the 64 hex digits of the token's SHA-256".to_owned())?;
        let credential = credential(roster, &self.name, self.role)?;
        let fingerprint = Fingerprint(sha256);
        if roster.has_token(&fingerprint) {
            return Err(format!("the token of `{}` is in the file twice", self.name));
        }
        roster.add_token(fingerprint, credential);
        Ok(())
    }
}

impl CertificateEntry {
    fn enter(&self, roster: &mut Roster) -> Result<(), String> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'*';
        if self.san.is_empty() || !self.san.bytes().all(is_plain) {
            return Err("`san` must be a DNS name or a URI, as it stands in the certificate".into());
        }
        let credential = credential(roster, &self.name, self.role)?;
        if roster.has_name(&self.san) {
            return Err(format!("the san `{}` is in the file twice", self.san));
        }
        roster.add_name(self.san.clone(), credential);
        Ok(())
    }
}

/// Several entries may have one name, so that one can replace the other; then they are of one role.
fn credential(roster: &mut Roster, name: &str, role: Role) -> Result<Credential, String> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err("`name` must be printable and not empty".to_owned());
    }
    roster.credential(name, role).ok_or_else(|| format!("the entries of `{name}` differ in role"))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::auth::{Access, FreshToken, Shown, Stranger};

    fn parse_text(text: &str) -> Result<Roster, Mistake> {
        parse(Path::new("tokens.toml"), text)
    }

    fn shown(access: &Access, token: &str) -> Result<Credential, Stranger> {
        access.identify(Shown { token: Some(token), names: &[] })
    }

    #[test]
    fn a_fresh_token_opens_with_its_entry() {
        let mut rng = StdRng::seed_from_u64(7);
        let fresh = FreshToken::make("gw \"1\"", Role::Gateway, &mut rng);
        let other = FreshToken::make("gw", Role::Gateway, &mut rng);
        let access = Access::Known(parse_text(&fresh.entry()).unwrap());
        let found = shown(&access, fresh.text()).unwrap();
        assert_eq!((&*found.name, found.role), ("gw \"1\"", Role::Gateway));
        assert_eq!(shown(&access, other.text()), Err(Stranger::WrongToken));
        assert!(!fresh.entry().contains(fresh.text()));
    }

    #[test]
    fn the_sample_is_one() {
        let access = Access::Known(read(Path::new("samples/tokens.toml")).unwrap());
        let found = |token| shown(&access, token).map(|found| found.role);
        assert_eq!(found("an example, not a secret"), Ok(Role::Gateway));
        assert_eq!(found("another example, not a secret"), Ok(Role::Viewer));
    }

    #[test]
    fn mistakes_say_where_they_are() {
        let sha256 = "ab".repeat(32);
        let entry = |name: &str, role: &str, sha256: &str| {
            format!("[[token]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n")
        };
        let twice = entry("a", "admin", &sha256) + &entry("b", "admin", &sha256);
        let roles = entry("a", "admin", &sha256) + &entry("a", "viewer", &"cd".repeat(32));
        let certificate = |name: &str, role: &str, san: &str| {
            format!("[[certificate]]\nname = \"{name}\"\nrole = \"{role}\"\nsan = \"{san}\"\n")
        };
        let other_role = entry("a", "admin", &sha256) + &certificate("a", "viewer", "a.example");
        let san_twice = certificate("a", "admin", "x") + &certificate("b", "admin", "x");
        for (text, place, what) in [
            (entry("a", "root", &sha256), "tokens.toml:3:8", "unknown variant `root`"),
            (entry("a", "admin", "abc"), "tokens.toml:1:1", "64 hex digits"),
            (entry("", "admin", &sha256), "tokens.toml:1:1", "`name` must be"),
            (twice, "tokens.toml:5:1", "twice"),
            (roles, "tokens.toml:5:1", "differ in role"),
            (other_role, "tokens.toml:5:1", "differ in role"),
            (san_twice, "tokens.toml:5:1", "twice"),
            (certificate("a", "admin", "*.example"), "tokens.toml:1:1", "`san` must be"),
            ("[[token]]\ntoken = \"sesame\"".to_owned(), "tokens.toml:2:1", "unknown field"),
        ] {
            let mistake = parse_text(&text).map(drop).unwrap_err();
            assert_eq!(mistake.place, place, "{mistake}");
            assert!(mistake.what.contains(what), "{mistake}");
            assert!(!mistake.to_string().contains("sesame"));
        }
    }
}
