use std::fmt;

use rand::CryptoRng;
use sha2::{Digest, Sha256};

use super::Role;

/// A token that was just made. Its text is shown once and kept nowhere.
pub struct FreshToken {
    text: String,
    name: String,
    role: Role,
}

impl FreshToken {
    /// A token of 256 random bits. Its prefix lets secret scanners find it where it should not be.
    #[must_use]
    pub fn make(name: &str, role: Role, rng: &mut impl CryptoRng) -> Self {
        let mut bits = [0_u8; 32];
        rng.fill_bytes(&mut bits);
        Self { text: format!("tokenlease_{}", hex::encode(bits)), name: name.to_owned(), role }
    }

    /// The token itself.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its entry in the tokens file.
    #[must_use]
    pub fn entry(&self) -> String {
        let sha256 = hex::encode(Sha256::digest(&self.text));
        let role = self.role.as_str();
        let name = toml::Value::from(self.name.as_str());
        format!("[[token]]\nname = {name}\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n")
    }
}

impl fmt::Debug for FreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FreshToken({:?}, redacted)", self.name)
    }
}
