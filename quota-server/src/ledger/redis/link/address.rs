//! Where Redis is.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult};

use super::login::{Login, RedisFiles};
use crate::secret_file::UselessSource;

/// One Redis, a set of replicas watched by Sentinel, or a cluster.
///
/// `redis://host:port`, `redis+sentinel://host:port,host:port/master-name` or
/// `redis+cluster://host:port,host:port`, each with `user:password@` before the hosts where Redis
/// asks for it; what means something in a URL is written as `%` and two digits, as `redis-cli` has
/// it. With `rediss` instead of `redis` it is spoken with over TLS. A password is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    encrypted: bool,
    pub(super) topology: Topology,
    /// `host:port` of Redis, of the sentinels, or of some of the cluster's nodes.
    pub(super) nodes: Vec<Node>,
    user: Option<String>,
    password: Option<String>,
    files: RedisFiles,
}

/// How the nodes belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topology {
    Single,
    Sentinel { master: String },
    Cluster,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a text is no address of Redis. Says nothing of the text itself: there may be a password in
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It begins with none of the schemes.
    #[error("begins with none of redis://, redis+sentinel://, redis+cluster://, or rediss for TLS")]
    Scheme,
    /// A host or port is missing or is none.
    #[error("needs host:port, or several with commas between, as in redis://127.0.0.1:6379")]
    Node,
    /// One Redis has one address.
    #[error(
        "redis:// takes one host:port; several belong to redis+sentinel:// or redis+cluster://"
    )]
    OneNode,
    /// Sentinel must be told which master.
    #[error(
        "redis+sentinel:// needs the master's name at its end, as in redis+sentinel://127.0.0.1:26379/mymaster"
    )]
    Master,
    /// A `%` that no two hexadecimal digits follow, or none of text.
    #[error(
        "a % in the user, the password or the master's name is written %25: two digits follow each"
    )]
    Encoding,
    /// Something follows the nodes that means nothing.
    #[error("nothing may follow the port: database 0 is used")]
    Path,
}

impl RedisAddress {
    /// Whether it tells a password.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether it is spoken with over TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The same, with what these files hold.
    #[must_use]
    pub fn with_files(self, files: RedisFiles) -> Self {
        Self { files, ..self }
    }

    /// Reads its files once, as each connection will.
    ///
    /// # Errors
    /// One of them is of no use.
    pub fn check_files(&self) -> Result<(), UselessSource> {
        self.files.check()
    }

    pub(super) const fn files(&self) -> &RedisFiles {
        &self.files
    }

    /// Where its nodes are.
    pub(super) fn addresses(&self) -> impl Iterator<Item = ConnectionAddr> {
        self.nodes.iter().map(|node| node.address(self.encrypted))
    }

    /// How to connect to its nodes, and to log in.
    pub(super) fn infos(&self, login: &Login) -> RedisResult<Vec<ConnectionInfo>> {
        let info = |address| {
            let info = IntoConnectionInfo::into_connection_info(address)?;
            Ok(info.set_redis_settings(login.of_redis()))
        };
        self.addresses().map(info).collect()
    }

    /// Whether Sentinel is asked where it is.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        matches!(self.topology, Topology::Sentinel { .. })
    }

    pub(super) fn is_single(&self) -> bool {
        self.topology == Topology::Single
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.topology == Topology::Cluster
    }

    /// The user and the password that it tells.
    pub(super) fn user_and_password(&self) -> (Option<&str>, Option<&str>) {
        (self.user.as_deref(), self.password.as_deref())
    }
}

impl Node {
    fn address(&self, encrypted: bool) -> ConnectionAddr {
        let (host, port) = (self.host.clone(), self.port);
        if encrypted {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        }
    }
}

impl FromStr for RedisAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (nodes, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (encrypted, scheme) = match scheme.strip_prefix("rediss") {
            Some(rest) => (true, format!("redis{rest}")),
            None => (false, scheme.to_owned()),
        };
        let nodes: Vec<Node> = nodes.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let topology = topology(&scheme, nodes.len(), path)?;
        let (user, password) = login.map_or(Ok((None, None)), split_login)?;
        let files = RedisFiles::default();
        Ok(Self { encrypted, topology, nodes, user, password, files })
    }
}

fn topology(scheme: &str, nodes: usize, path: &str) -> Result<Topology, AddressError> {
    match (scheme, path) {
        ("redis", "") if nodes == 1 => Ok(Topology::Single),
        ("redis", "") => Err(AddressError::OneNode),
        ("redis+cluster", "") => Ok(Topology::Cluster),
        ("redis+sentinel", "") => Err(AddressError::Master),
        ("redis+sentinel", master) => Ok(Topology::Sentinel { master: decoded(master)? }),
        ("redis" | "redis+cluster", _) => Err(AddressError::Path),
        _ => Err(AddressError::Scheme),
    }
}

fn split_login(login: &str) -> Result<(Option<String>, Option<String>), AddressError> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let some = |text: &str| (!text.is_empty()).then(|| decoded(text)).transpose();
    Ok((some(user)?, some(password)?))
}

fn decoded(text: &str) -> Result<String, AddressError> {
    let is_encoded = |rest: &str| {
        rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_encoded) {
        return Err(AddressError::Encoding);
    }
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into).map_err(|_| AddressError::Encoding)
}

impl FromStr for Node {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Node)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| AddressError::Node)?;
        if host.is_empty() { Err(AddressError::Node) } else { Ok(Self { host: host.into(), port }) }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.encrypted { "rediss" } else { "redis" })?;
        f.write_str(match self.topology {
            Topology::Single => "://",
            Topology::Sentinel { .. } => "+sentinel://",
            Topology::Cluster => "+cluster://",
        })?;
        for (no, node) in self.nodes.iter().enumerate() {
            let comma = if no == 0 { "" } else { "," };
            write!(f, "{comma}{}:{}", node.host, node.port)?;
        }
        match &self.topology {
            Topology::Sentinel { master } => write!(f, "/{master}"),
            Topology::Single | Topology::Cluster => Ok(()),
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topology_has_its_address() {
        for text in [
            "redis://127.0.0.1:6379",
            "redis+sentinel://a:26379,b:26379,c:26379/mymaster",
            "redis+cluster://10.0.0.1:7000,10.0.0.2:7000",
            "rediss://quota.example:6379",
            "rediss+sentinel://a:26379/mymaster",
            "rediss+cluster://a:7000",
        ] {
            assert_eq!(text.parse::<RedisAddress>().unwrap().to_string(), text);
        }
        let six: RedisAddress = "redis://[::1]:6379".parse().unwrap();
        assert_eq!(six.nodes[0].host, "::1");
    }

    #[test]
    fn a_password_is_taken_and_not_shown() {
        for (login, user, password) in [
            ("quota:hush", Some("quota"), Some("hush")),
            (":hush", None, Some("hush")),
            ("quota", Some("quota"), None),
            // As redis-cli takes it.
            ("a%40b:hush%25%2F%3A", Some("a@b"), Some("hush%/:")),
            (":hush@2", None, Some("hush@2")),
        ] {
            let address: RedisAddress = format!("redis://{login}@h:1").parse().unwrap();
            assert_eq!(address.has_password(), password.is_some());
            assert_eq!(address.user_and_password(), (user, password));
            assert_eq!(format!("{address:?} {address}"), "redis://h:1 redis://h:1");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("127.0.0.1:6379", AddressError::Scheme),
            ("redisss://127.0.0.1:6379", AddressError::Scheme),
            ("http://127.0.0.1:6379", AddressError::Scheme),
            ("redis://127.0.0.1", AddressError::Node),
            ("redis://:6379", AddressError::Node),
            ("redis://h:port", AddressError::Node),
            ("redis://h:70000", AddressError::Node),
            ("redis://a:1,b:2", AddressError::OneNode),
            ("redis+cluster://a:1,,b:2", AddressError::Node),
            ("redis+sentinel://a:1", AddressError::Master),
            ("redis://a:1/3", AddressError::Path),
            ("redis://:50%@a:1", AddressError::Encoding),
            ("redis://:%zz@a:1", AddressError::Encoding),
            ("redis://:%ff@a:1", AddressError::Encoding),
        ] {
            assert_eq!(text.parse::<RedisAddress>(), Err(why), "{text}");
        }
    }
}
