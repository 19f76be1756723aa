//! The tokens file:
//!
//! ```toml
//! [[token]]
//! name = "gw"
//! role = "gateway"
//! sha256 = "<hex of the token's SHA-256>"
//! ```

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Role, Token};
use crate::mistake::{Mistake, place_of};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensFile {
    #[serde(default)]
    token: Vec<Spanned<TokenEntry>>,
}

/// One entry of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    name: String,
    role: Role,
    sha256: String,
}

/// Reads a tokens file.
///
/// # Errors
/// The file cannot be read, or an entry is wrong: which one, and why.
pub fn read_tokens(path: &Path) -> Result<Vec<Token>, Mistake> {
    let text = std::fs::read_to_string(path).map_err(|error| Mistake::unreadable(path, &error))?;
    parse_tokens(path, &text)
}

fn parse_tokens(path: &Path, text: &str) -> Result<Vec<Token>, Mistake> {
    let file: TokensFile =
        toml::from_str(text).map_err(|error| Mistake::in_toml(path, text, &error))?;
    let mut tokens: Vec<Token> = Vec::with_capacity(file.token.len());
    for entry in &file.token {
        let token = entry.get_ref().token().and_then(|token| follows(&tokens, token));
        let wrong = |what| Mistake::at(place_of(path, text, Some(entry.span())), what);
        tokens.push(token.map_err(wrong)?);
    }
    Ok(tokens)
}

impl TokenEntry {
    fn token(&self) -> Result<Token, String> {
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&self.sha256, &mut sha256)
            .map_err(|_| "`sha256` must be the 64 hex digits of the token's SHA-256".to_owned())?;
        if self.name.is_empty() || self.name.chars().any(char::is_control) {
            return Err("`name` must be printable and not empty".to_owned());
        }
        Ok(Token::hashed(&self.name, self.role, sha256))
    }
}

/// Two tokens may have one name, so that one can replace the other; then they are of one role.
fn follows(before: &[Token], token: Token) -> Result<Token, String> {
    let name = &token.credential.name;
    if before.iter().any(|other| other.sha256 == token.sha256) {
        return Err(format!("the token of `{name}` is in the file twice"));
    }
    let differs = |other: &&Token| {
        other.credential.name == *name && other.credential.role != token.credential.role
    };
    match before.iter().find(differs) {
        Some(_) => Err(format!("the tokens of `{name}` differ in their role")),
        None => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::auth::{Access, FreshToken};

    fn parse(text: &str) -> Result<Vec<Token>, Mistake> {
        parse_tokens(Path::new("tokens.toml"), text)
    }

    #[test]
    fn a_fresh_token_opens_with_its_entry() {
        let mut rng = StdRng::seed_from_u64(7);
        let fresh = FreshToken::make("gw \"1\"", Role::Gateway, &mut rng);
        let other = FreshToken::make("gw", Role::Gateway, &mut rng);
        let access = Access::of(parse(&fresh.entry()).unwrap());
        let found = access.identify(Some(fresh.text())).unwrap();
        assert_eq!((&*found.name, found.role), ("gw \"1\"", Role::Gateway));
        assert_eq!(access.identify(Some(other.text())), None);
        assert!(!fresh.entry().contains(fresh.text()));
    }

    #[test]
    fn the_sample_is_one() {
        let access = Access::of(read_tokens(Path::new("samples/tokens.toml")).unwrap());
        let found = |shown| access.identify(Some(shown)).map(|found| found.role);
        assert_eq!(found("an example, not a secret"), Some(Role::Gateway));
        assert_eq!(found("another example, not a secret"), Some(Role::Viewer));
    }

    #[test]
    fn mistakes_say_where_they_are() {
        let sha256 = "ab".repeat(32);
        let entry = |name: &str, role: &str, sha256: &str| {
            format!("[[token]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n")
        };
        let twice = entry("a", "admin", &sha256) + &entry("b", "admin", &sha256);
        let roles = entry("a", "admin", &sha256) + &entry("a", "viewer", &"cd".repeat(32));
        for (text, place, what) in [
            (entry("a", "root", &sha256), "tokens.toml:3:8", "unknown variant `root`"),
            (entry("a", "admin", "abc"), "tokens.toml:1:1", "64 hex digits"),
            (entry("", "admin", &sha256), "tokens.toml:1:1", "`name` must be"),
            (twice, "tokens.toml:5:1", "twice"),
            (roles, "tokens.toml:5:1", "differ in their role"),
            ("[[token]]\ntoken = \"sesame\"".to_owned(), "tokens.toml:2:1", "unknown field"),
        ] {
            let mistake = parse(&text).unwrap_err();
            assert_eq!(mistake.place, place, "{mistake}");
            assert!(mistake.what.contains(what), "{mistake}");
            assert!(!mistake.to_string().contains("sesame"));
        }
    }
}
