//! Where a server is, and whom a server may send its clients to.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::BuildError;

/// Where a server is: its base URL, and the address if its name stands for several.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    base: Url,
    address: Option<IpAddr>,
}

impl Origin {
    /// The servers of a list: URLs with commas between them. Each once.
    pub(super) fn list(urls: &str) -> Result<Vec<Self>, BuildError> {
        let mut origins = Vec::new();
        for url in urls.split(',').map(str::trim) {
            let origin = Self::parse(url).ok_or_else(|| BuildError::Url(url.to_owned()))?;
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Ok(origins)
    }

    fn parse(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok().filter(is_plain)?;
        let path = url.path().trim_end_matches('/').to_owned();
        Some(Self::with_path(url, &path))
    }

    fn with_path(mut base: Url, path: &str) -> Self {
        base.set_path(path);
        Self { base, address: None }
    }

    pub(super) fn at(&self, address: IpAddr) -> Self {
        Self { base: self.base.clone(), address: Some(address) }
    }

    /// The name to look up for its addresses, unless the URL has the address itself.
    pub(super) fn name(&self) -> Option<&str> {
        self.base.domain()
    }

    /// Its address, if it was looked up.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// The URL of a path of the API, given in segments.
    pub(crate) fn url<'a>(&self, segments: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("a URL with a host has segments")
            .pop_if_empty()
            .extend(segments);
        url
    }

    /// Whether it is the server at this base URL.
    pub(super) fn is(&self, other: &Self) -> bool {
        let mut numeric = self.base.clone();
        let at_address = self.address.is_some_and(|address| numeric.set_ip_host(address).is_ok());
        self.base == other.base || at_address && numeric == other.base
    }

    /// The server that this one sends its client to, if its answer to `asked` makes sense: the same
    /// path of another server, over the same scheme, so that a token that goes out encrypted is
    /// never sent in the clear.
    pub(super) fn sends_to(&self, asked: &Url, location: &str) -> Option<Self> {
        let to = Url::parse(location).ok()?;
        if !is_plain(&to) || to.scheme() != self.base.scheme() {
            return None;
        }
        let own = self.base.path().trim_end_matches('/');
        let path = to.path().strip_suffix(asked.path().strip_prefix(own)?)?.to_owned();
        Some(Self::with_path(to, &path))
    }
}

/// A URL of HTTP, and nothing in it that the API's paths could not follow on.
fn is_plain(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))?;
        self.address.map_or(Ok(()), |address| write!(f, "@{address}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::parse(url).unwrap()
    }

    #[test]
    fn a_list_names_each_server_once() {
        let list = Origin::list("http://a:1, http://b:2/quota/,http://a:1/").unwrap();
        let shown: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["http://a:1", "http://b:2/quota"]);
        for bad in ["", "http://a:1,", "a:1", "ftp://a", "http://u:p@a", "http://a?b"] {
            assert!(Origin::list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_server_sends_only_to_the_same_path_over_the_same_scheme() {
        let (server, asked) = (origin("http://a:1/quota"), "http://a:1/quota/v1/leases/batch");
        let asked = Url::parse(asked).unwrap();
        let to = |location| server.sends_to(&asked, location).map(|to| to.to_string());
        assert_eq!(to("http://b:2/v1/leases/batch").as_deref(), Some("http://b:2"));
        assert_eq!(to("http://b:2/q/v1/leases/batch").as_deref(), Some("http://b:2/q"));
        for bad in [
            "",
            "http://",
            "/v1/leases/batch",
            "https://b:2/v1/leases/batch",
            "file:///v1/leases/batch",
            "http://b:2/v1/leases",
            "http://b:2/v1/leases/batch?x",
            "http://u:p@b:2/v1/leases/batch",
            "\u{0}",
        ] {
            assert_eq!(to(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_server_is_known_by_its_name_and_by_its_address() {
        let named = origin("http://quota:7700").at("10.0.0.3".parse().unwrap());
        assert!(named.is(&origin("http://10.0.0.3:7700/")));
        assert!(named.is(&origin("http://quota:7700")));
        assert!(!named.is(&origin("http://10.0.0.3:7701")));
        assert_eq!(named.to_string(), "http://quota:7700@10.0.0.3");
    }
}
