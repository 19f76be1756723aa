//! Which deployment a number belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use sqlx::Error;
use uuid::Uuid;

/// A deployment's identity, from when it is made until nothing is left of it. Its number may have
/// been another's before, or become another's, where the database comes back from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Instance(Uuid);

impl Instance {
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

/// Makes identities that no other start of any server makes, nor this one again, whatever it reads
/// back from a backup.
#[derive(Debug)]
pub(super) struct Instances {
    start: Arc<str>,
    made: AtomicU64,
}

impl Instances {
    /// Those of one start, by the name that no other start has.
    pub(super) fn of_start(start: &str) -> Self {
        Self { start: start.into(), made: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> Instance {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let hash = Sha256::new().chain_update(number.to_be_bytes()).chain_update(&*self.start);
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        Instance(Uuid::from_bytes(id))
    }
}
