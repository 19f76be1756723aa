//! How many connections each address has; of IPv6 each /64.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::network;

/// The connections there are, by address: as many entries as there are connections, at most.
#[derive(Clone)]
pub(super) struct Crowd {
    most: u32,
    by_address: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

/// A connection's place among those of its address; dropped with the connection.
pub(super) struct Place {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    /// So many each.
    pub(super) fn new(most: u32) -> Self {
        Self { most, by_address: Arc::default() }
    }

    /// A place for one more, if there is one.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { crowd: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.crowd.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_places_and_they_come_back() {
        let crowd = Crowd::new(2);
        let at = |address: &str| crowd.enter(address.parse().unwrap());
        let (one, two) = (at("192.0.2.1"), at("192.0.2.1"));
        assert!(one.is_some() && two.is_some() && at("192.0.2.1").is_none());
        let other = at("192.0.2.2");
        assert!(other.is_some());
        drop(one);
        let again = at("192.0.2.1");
        assert!(again.is_some() && at("192.0.2.1").is_none());
        let six = (at("2001:db8::1"), at("2001:db8::2"));
        assert!(six.0.is_some() && six.1.is_some() && at("2001:db8::3").is_none());
        assert!(at("2001:db8:0:1::1").is_some() && at("::ffff:192.0.2.1").is_none());
        drop((two, again, other, six));
        assert!(crowd.by_address.lock().unwrap().is_empty());
    }
}
