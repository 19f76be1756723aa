//! TLS: the server's certificate, and whose certificates it takes from clients.
//!
//! Both are made of files and made anew when the files change: handshakes from then on see the new ones,
//! connections that are open go on. Sessions are not resumed across that.

mod files;
mod names;
#[cfg(test)]
pub(crate) mod testing;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use crate::config::TlsConfig;
use crate::metrics::Reloaded;
use crate::mistake::Mistake;
use crate::renewal::Renewable;

use files::Files;

/// What handshakes are made with.
pub struct Tls {
    files: Files,
    now: ArcSwap<ServerConfig>,
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

    /// Makes the handshake; also the names in the client's certificate, if it showed one.
    ///
    /// # Errors
    /// The handshake failed, or broke off.
    pub async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, Vec<String>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = TlsAcceptor::from(self.now.load_full()).accept(stream).await?;
        let (_, session) = stream.get_ref();
        let names = session.peer_certificates().and_then(|chain| chain.first());
        let names = names.map(names::of).unwrap_or_default();
        Ok((stream, names))
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
        Ok(self.files.to_string())
    }
}
