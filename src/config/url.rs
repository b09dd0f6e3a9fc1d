//! The store's URL.
//!
//! No error of this file quotes the URL: a password that is not percent-encoded may turn up in any of its parts.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::ConfigError;

const REDIS_PORT: u16 = 6379;

/// Where the sessions are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    Memory,
    Redis(Server),
}

/// A Redis server's address and what it asks for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) place: Place,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) db: u16,
}

impl fmt::Debug for Server {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("place", &self.place).field("db", &self.db).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp { host: String, port: u16 },
    Unix { path: String },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path } => write!(f, "Unix socket {path}"),
        }
    }
}

impl StoreUrl {
    /// Reads `memory:`, `redis://[[user]:password@]host[:port][/db]` or
    /// `redis+unix:///path[?db=&user=&password=]`, all parts percent-encoded.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        let url = Url::parse(text).map_err(unreadable)?;
        let server = match url.scheme() {
            "redis" => tcp(&url)?,
            "redis+unix" => unix(&url)?,
            "rediss" => return Err(wrong("TLS (`rediss:`) is not supported yet")),
            "redis-cluster" | "rediss-cluster" => return Err(wrong("Redis Cluster is not supported yet")),
            "redis-sentinel" | "rediss-sentinel" => return Err(wrong("Sentinel is not supported yet")),
            "memory" => return Err(wrong("the embedded store is `memory:`, and no more")),
            _ => return Err(wrong("known schemes are `redis:`, `redis+unix:` and `memory:`")),
        };
        if url.fragment().is_some() {
            return Err(wrong("has a `#`: percent-encode it as %23"));
        }
        if server.user.is_some() && server.password.is_none() {
            return Err(wrong("names a user and no password"));
        }
        Ok(Self::Redis(server))
    }
}

fn tcp(url: &Url) -> Result<Server, ConfigError> {
    if url.query().is_some() {
        return Err(wrong("`redis:` takes no query parameters"));
    }
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => decoded(name)?,
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err(wrong("names no host")),
    };
    Ok(Server {
        place: Place::Tcp { host, port: url.port().unwrap_or(REDIS_PORT) },
        user: present(decoded(url.username())?),
        password: url.password().map(decoded).transpose()?.and_then(present),
        db: match url.path().trim_start_matches('/') {
            "" => 0,
            db => database(db)?,
        },
    })
}

fn unix(url: &Url) -> Result<Server, ConfigError> {
    if url.host_str().is_some_and(|host| !host.is_empty()) || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a socket's path begins with a third slash: `redis+unix:///path`"));
    }
    let path = decoded(url.path())?;
    if !path.starts_with('/') || path == "/" {
        return Err(wrong("names no socket: `redis+unix:///path`"));
    }
    let mut server = Server { place: Place::Unix { path }, user: None, password: None, db: 0 };
    // Split by hand: `query_pairs` reads `+` as a space, which would change a password.
    for pair in url.query().unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("db", value)) => server.db = database(value)?,
            Some(("user", value)) => server.user = present(decoded(value)?),
            Some(("password", value)) => server.password = present(decoded(value)?),
            _ => return Err(wrong("query parameters are `db`, `user` and `password`")),
        }
    }
    Ok(server)
}

fn decoded(part: &str) -> Result<String, ConfigError> {
    percent_decode_str(part).decode_utf8().map(Into::into).map_err(|_| wrong("is not UTF-8 once percent-decoded"))
}

fn present(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn database(text: &str) -> Result<u16, ConfigError> {
    text.parse().map_err(|_| wrong("the database is a number, 0 to 65535"))
}

/// The parser's words are its own: they quote nothing.
fn unreadable(error: url::ParseError) -> ConfigError {
    match error {
        url::ParseError::RelativeUrlWithoutBase => {
            wrong("is not one: begin with `redis://`, `redis+unix://` or `memory:`")
        }
        error => wrong(format_args!("{error}; user and password are percent-encoded")),
    }
}

fn wrong(why: impl fmt::Display) -> ConfigError {
    ConfigError::new("url", "of the store", why)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        match StoreUrl::parse(text) {
            Ok(StoreUrl::Redis(server)) => server,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn tcp(host: &str, port: u16) -> Place {
        Place::Tcp { host: host.into(), port }
    }

    fn socket(path: &str) -> Place {
        Place::Unix { path: path.into() }
    }

    fn error(text: &str) -> String {
        StoreUrl::parse(text).map(|url| format!("{url:?}")).unwrap_err().to_string()
    }

    #[test]
    fn memory_is_the_embedded_store() {
        assert_eq!(StoreUrl::parse("memory:"), Ok(StoreUrl::Memory));
        for text in ["memory://", "memory:x", "memory"] {
            assert!(StoreUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_alone_is_enough() {
        let local = Server { place: tcp("localhost", 6379), user: None, password: None, db: 0 };
        for text in ["redis://localhost", "redis://localhost/", "redis://localhost:6379", "redis://localhost/0"] {
            assert_eq!(server(text), local, "{text}");
        }
    }

    #[test]
    fn port_and_database_are_read() {
        let there = server("redis://cache.example:7000/15");
        assert_eq!((there.place, there.db), (tcp("cache.example", 7000), 15));
        assert_eq!(server("redis://10.0.0.1/65535").db, 65535);
        assert_eq!(server("redis://under_score:1").place, tcp("under_score", 1));
    }

    #[test]
    fn ipv6_hosts_stand_in_brackets() {
        let there = server("redis://[2001:DB8::1]:7000").place;
        assert_eq!(there, tcp("2001:db8::1", 7000));
        assert_eq!(there.to_string(), "[2001:db8::1]:7000");
        assert_eq!(server("redis://[::1]").place, tcp("::1", 6379));
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let there = server("redis://app%40home:p%40s%2Fs%23%25+%C3%A9@h");
        assert_eq!((there.user.as_deref(), there.password.as_deref()), (Some("app@home"), Some("p@s/s#%+é")));
        let there = server("redis://:secret@h");
        assert_eq!((there.user, there.password.as_deref()), (None, Some("secret")));
        let there = server("redis://@h");
        assert_eq!((there.user, there.password), (None, None));
    }

    #[test]
    fn a_unix_socket_has_its_options_in_the_query() {
        let there = server("redis+unix:///run/my%20redis.sock?db=3&user=app&password=a%26b+c%3D");
        assert_eq!(there.place, socket("/run/my redis.sock"));
        assert_eq!((there.user.as_deref(), there.password.as_deref(), there.db), (Some("app"), Some("a&b+c="), 3));
        let plain = server("redis+unix:///run/redis.sock");
        assert_eq!((plain.place, plain.user, plain.password, plain.db), (socket("/run/redis.sock"), None, None, 0));
        assert_eq!(server("redis+unix:/run/redis.sock").place, socket("/run/redis.sock"));
    }

    #[test]
    fn what_comes_later_is_said_to_be_so() {
        assert_eq!(error("rediss://h"), "url of the store: TLS (`rediss:`) is not supported yet");
        assert_eq!(error("redis-cluster://h"), "url of the store: Redis Cluster is not supported yet");
        assert_eq!(error("redis-sentinel://h/main"), "url of the store: Sentinel is not supported yet");
    }

    #[test]
    fn a_wrong_url_is_refused_without_showing_its_password() {
        for text in [
            "",
            "hunter2",
            "hunter2@h",
            "hunter2:x@h",
            "http://:hunter2@h",
            "redis:hunter2",
            "redis://",
            "redis:///1",
            "redis://:hunter2@",
            "redis://:hunter2@:6379",
            "redis://:hunter2@h:port",
            "redis://:hunter2@h:70000",
            "redis://:hunter2@h/x",
            "redis://:hunter2@h/-1",
            "redis://:hunter2@h/65536",
            "redis://:hunter2@h/1/2",
            "redis://:hunter2@h?db=1",
            "redis://:hunter2@h#",
            "redis://:a/hunter2@h",
            "redis://:a?hunter2@h",
            "redis://:a#hunter2@h",
            "redis://hunter2@h",
            "redis://:hunter2%FF@h",
            "redis+unix://hunter2",
            "redis+unix://run/redis.sock?password=hunter2",
            "redis+unix://:hunter2@/run/redis.sock",
            "redis+unix:///?password=hunter2",
            "redis+unix:///s?db=hunter2",
            "redis+unix:///s?password=a&hunter2",
            "redis+unix:///s?hunter2=1",
            "redis+unix:///s?password=%FFhunter2",
            "redis+unix:///s#hunter2",
            "redis+unix:///s?user=hunter2",
        ] {
            let told = error(text);
            assert!(told.starts_with("url of the store: ") && !told.contains("hunter2"), "{text}: {told}");
        }
    }

    #[test]
    fn debug_prints_show_no_password() {
        let shown = format!("{:?}", StoreUrl::parse("redis://app:hunter2@h"));
        assert!(!shown.contains("hunter2") && shown.contains("\"h\""), "{shown}");
    }
}
