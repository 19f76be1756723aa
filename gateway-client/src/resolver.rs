//! How names of servers become addresses: a parameter, so that it need not be the system's way.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// All addresses of a host, or why they could not be found.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks hosts up.
pub trait Resolver: Debug + Send + Sync + 'static {
    /// Looks up all addresses of a host.
    fn look_up(&self, host: &str) -> Addresses;
}

/// As the system does it, with `getaddrinfo`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn look_up(&self, host: &str) -> Addresses {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            Ok(addresses)
        })
    }
}

/// How the HTTP client of one server looks its host up: as the resolver says, or not at all.
#[derive(Debug)]
pub(crate) enum Route {
    Anew(Arc<dyn Resolver>),
    Pinned(IpAddr),
}

impl Resolve for Route {
    fn resolve(&self, name: Name) -> Resolving {
        let found: Addresses = match self {
            Self::Anew(resolver) => resolver.look_up(name.as_str()),
            Self::Pinned(address) => Box::pin(std::future::ready(Ok(vec![*address]))),
        };
        Box::pin(async move {
            // The URL knows the port.
            let found = found.await?.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}
