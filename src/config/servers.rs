//! The servers that hold the sessions, and their credentials.

use std::fmt;

#[cfg(feature = "tls")]
use super::tls::Tls;

/// One server, or several with one data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Servers {
    One(Server),
    /// A master found through Sentinels.
    Sentinel(SentinelGroup),
    /// A Redis Cluster, found through any of its nodes.
    Cluster {
        seeds: Vec<Addr>,
        credentials: Credentials,
    },
}

impl Servers {
    #[cfg(feature = "tls")]
    pub(crate) const fn tls(&self) -> Option<&Tls> {
        let credentials = match self {
            Self::One(server) => &server.credentials,
            Self::Sentinel(group) => &group.credentials,
            Self::Cluster { credentials, .. } => credentials,
        };
        credentials.tls.as_ref()
    }

    /// Sets the certificates; false if the URL's scheme does not use TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn set_tls(&mut self, tls: &Tls) -> bool {
        let set = |credentials: &mut Credentials| match &mut credentials.tls {
            Some(set) => {
                *set = tls.clone();
                true
            }
            None => false,
        };
        match self {
            Self::One(server) => set(&mut server.credentials),
            Self::Sentinel(group) => set(&mut group.credentials) && set(&mut group.sentinel_access),
            Self::Cluster { credentials, .. } => set(credentials),
        }
    }
}

impl fmt::Display for Servers {
    /// The addresses only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |addrs: &[Addr]| addrs.iter().map(Addr::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::One(server) => server.addr.fmt(f),
            Self::Sentinel(group) => write!(f, "master {} of the Sentinels {}", group.master, listed(&group.sentinels)),
            Self::Cluster { seeds, .. } => write!(f, "Cluster of {}", listed(seeds)),
        }
    }
}

/// The Sentinels of one master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentinelGroup {
    pub(crate) sentinels: Vec<Addr>,
    pub(crate) sentinel_access: Credentials,
    /// The master's name in the Sentinels' configuration.
    pub(crate) master: String,
    /// The credentials of the master.
    pub(crate) credentials: Credentials,
}

/// A Redis server's address and credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) addr: Addr,
    pub(crate) credentials: Credentials,
}

/// What a connection to a server has to present.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Credentials {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) db: u16,
    /// `None` is a connection without TLS.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

impl Credentials {
    pub(crate) const fn is_over_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    pub(crate) fn at(&self, addr: Addr) -> Server {
        Server { addr, credentials: self.clone() }
    }
}

impl fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("db", &self.db).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Addr {
    Tcp { host: String, port: u16 },
    Unix { path: String },
}

impl Addr {
    /// `host:port` as servers write it: split at the last colon, brackets optional.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some(Self::Tcp { host: host.to_owned(), port: port.parse().ok()? })
    }

    /// The same, with the contacted server's host if the host is empty or `?`. `?` means that the server announces host
    /// names but has none set.
    pub(crate) fn or_host_of(self, asked: &Self) -> Self {
        match (self, asked) {
            (Self::Tcp { host, port }, Self::Tcp { host: same, .. }) if matches!(host.as_str(), "" | "?") => {
                Self::Tcp { host: same.clone(), port }
            }
            (addr, _) => addr,
        }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path } => write!(f, "Unix socket {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_from_servers_parse_with_and_without_brackets_or_a_host() {
        let tcp = |host: &str, port| Some(Addr::Tcp { host: host.into(), port });
        assert_eq!(Addr::read("10.0.0.1:6379"), tcp("10.0.0.1", 6379));
        assert_eq!(Addr::read("2001:db8::1:6379"), tcp("2001:db8::1", 6379));
        assert_eq!(Addr::read("[::1]:7"), tcp("::1", 7));
        assert_eq!(Addr::read(":7"), tcp("", 7));
        assert_eq!(Addr::read("h:70000"), None);
        assert_eq!(Addr::read("h"), None);
        let asked = tcp("asked", 1).expect("a place");
        assert_eq!(Addr::read(":7").map(|addr| addr.or_host_of(&asked)), tcp("asked", 7));
        assert_eq!(Addr::read("?:7").map(|addr| addr.or_host_of(&asked)), tcp("asked", 7));
        assert_eq!(Addr::read("h:7").map(|addr| addr.or_host_of(&asked)), tcp("h", 7));
    }
}
