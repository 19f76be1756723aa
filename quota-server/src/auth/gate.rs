//! Who is let in now: the roster can change while the server serves.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::failures::Failures;
use super::{Access, Credential, Keyring, Shown, Stranger};
use crate::metrics;
use crate::mistake::Mistake;

/// What every call passes.
pub struct Gate {
    keyring: Keyring,
    access: ArcSwap<Access>,
    failures: Mutex<Failures>,
}

/// Why a call does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Nobody knows who it is.
    Stranger(Stranger),
    /// The same, and its address has tried wrong tokens too often.
    TooManyFailures {
        /// When the next try counts as one again.
        retry_after: Duration,
    },
}

impl Gate {
    /// Opens with what is on the keyring now; `failed_logins` a minute may come from one address.
    ///
    /// # Errors
    /// A mistake in the keyring's file.
    pub fn open(keyring: Keyring, failed_logins: u32) -> Result<Self, Mistake> {
        let access = ArcSwap::from_pointee(keyring.access()?);
        Ok(Self { keyring, access, failures: Mutex::new(Failures::new(failed_logins)) })
    }

    /// Who is let in now.
    #[must_use]
    pub fn access(&self) -> Arc<Access> {
        self.access.load_full()
    }

    /// Whether everybody is let in.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        matches!(**self.access.load(), Access::Anonymous)
    }

    /// The file that the roster is read from.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.keyring.file()
    }

    /// Reads the keyring again; calls from now on are looked up in what it has.
    ///
    /// # Errors
    /// A mistake in its file: then nothing changes.
    pub fn reload(&self) -> Result<Arc<Access>, Mistake> {
        let access = Arc::new(self.keyring.access()?);
        self.access.store(Arc::clone(&access));
        Ok(access)
    }

    /// Who calls, from where.
    ///
    /// # Errors
    /// Nobody who is known.
    pub fn admit(
        &self,
        shown: Shown<'_>,
        from: Option<IpAddr>,
        now: Instant,
    ) -> Result<Credential, NotAdmitted> {
        let stranger = match self.access.load().identify(shown) {
            Ok(credential) => return Ok(credential),
            Err(stranger) => stranger,
        };
        // Who shows no token guesses none.
        if stranger == Stranger::ShowsNothing {
            return Err(NotAdmitted::Stranger(stranger));
        }
        metrics::login_failed();
        let limited = from.and_then(|from| self.count_failure(from, now));
        Err(match limited {
            Some(retry_after) => NotAdmitted::TooManyFailures { retry_after },
            None => NotAdmitted::Stranger(stranger),
        })
    }

    fn count_failure(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.count(from, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Role, Token};

    const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    fn gate() -> Gate {
        let token = Token::plain("gw", Role::Gateway, "good");
        Gate::open(Keyring::given(vec![token]), 60).unwrap()
    }

    fn token(token: &str) -> Shown<'_> {
        Shown { token: Some(token), names: &[] }
    }

    #[test]
    fn wrong_tokens_are_bounded_and_a_good_one_passes_all_the_same() {
        let (gate, now) = (gate(), Instant::now());
        let is_limited = |shown| {
            matches!(gate.admit(shown, HOME, now), Err(NotAdmitted::TooManyFailures { .. }))
        };
        assert!((0..10).all(|_| !is_limited(token("bad"))));
        assert!(is_limited(token("bad")));
        assert_eq!(&*gate.admit(token("good"), HOME, now).unwrap().name, "gw");
        assert!(!is_limited(Shown::default()), "no token is no guess");
    }

    #[test]
    fn an_unknown_address_is_no_reason_to_let_in() {
        let refused = gate().admit(token("bad"), None, Instant::now());
        assert_eq!(refused, Err(NotAdmitted::Stranger(Stranger::WrongToken)));
    }
}
