//! Which deployment a number belongs to.

use sqlx::Error;
use uuid::Uuid;

/// A deployment's identity, from when it is made until nothing is left of it. Its number may have been another's
/// before, or become another's, where the database comes back from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Instance(Uuid);

impl Instance {
    /// One that no other deployment has.
    #[expect(
        clippy::disallowed_methods,
        reason = "no run of any server may give it again, whatever catalogue it finds: nothing that is passed in can say so"
    )]
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4())
    }

    /// As the book in Redis keeps it.
    pub(crate) const fn bytes(&self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// As the catalogue keeps it: 32 hexadecimal digits.
    pub(super) fn text(&self) -> String {
        self.0.simple().to_string()
    }

    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let undecodable =
            |error| Error::ColumnDecode { index: "instance".into(), source: Box::new(error) };
        Uuid::parse_str(text).map(Self).map_err(undecodable)
    }

    /// One of a test's own.
    #[cfg(test)]
    pub(crate) const fn of(no: u128) -> Self {
        Self(Uuid::from_u128(no))
    }
}
