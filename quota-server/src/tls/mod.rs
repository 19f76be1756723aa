//! TLS: the server's certificate, and whose certificates it takes from clients.
//!
//! Both are made of files and made anew when the files change: handshakes from then on see the new
//! ones, connections that are open go on. Sessions are not resumed across that.

mod files;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::rustls::ServerConfig;

use crate::config::TlsConfig;
use crate::metrics::{self, Reloaded};
use crate::mistake::Mistake;
use crate::renewal::Renewable;

use files::{Files, Handshake};

/// What handshakes are made with.
pub struct Tls {
    files: Files,
    now: ArcSwap<Handshake>,
}

impl Tls {
    /// As the configuration says; `None` where it says nothing.
    ///
    /// # Errors
    /// A mistake in one of the files: which one, and what.
    pub fn open(config: &TlsConfig) -> Result<Option<Self>, Mistake> {
        let Some(files) = Files::of(config)? else { return Ok(None) };
        let now = ArcSwap::from_pointee(files.read()?);
        Ok(Some(Self { files, now }))
    }

    /// What the next handshake is made with.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.now.load().config)
    }

    /// When what the server shows ends, s since 1970.
    #[must_use]
    pub fn ends_at_s(&self) -> i64 {
        self.now.load().ends_at_s
    }
}

impl Renewable for Tls {
    fn name(&self) -> Reloaded {
        Reloaded::Certificate
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.all()
    }

    fn renew(&self) -> Result<String, Mistake> {
        self.now.store(Arc::new(self.files.read()?));
        metrics::certificate_ends(self.ends_at_s());
        Ok(self.files.to_string())
    }
}
