//! The store's URL.
//!
//! Parsed by hand, since common parsers reject a list of hosts. No error of this file quotes the URL: a password that
//! is not percent-encoded may be in any of its parts.

mod parts;
#[cfg(test)]
mod tests;

use self::parts::{UrlParts, decoded, present};
use super::ConfigError;
use super::servers::{Addr, Credentials, SentinelGroup, Server, Servers};

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The location of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    Memory,
    Redis(Box<Servers>),
}

impl StoreUrl {
    /// Parses one of these, all parts percent-encoded; `rediss` instead of `redis` uses TLS, except for a socket:
    /// - `memory:`
    /// - `redis://[[user]:password@]host[:port][/db]`
    /// - `redis+unix:///path[?db=&user=&password=]`
    /// - `redis-cluster://[[user]:password@]host[:port],host[:port]…`
    /// - `redis-sentinel://[[user]:password@]host[:port],host[:port]…/master[/db][?sentinel_user=&sentinel_password=]`
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        let (scheme, rest) = text
            .split_once(':')
            .filter(|(scheme, _)| scheme.bytes().all(|each| each.is_ascii_alphanumeric() || b"+-.".contains(&each)))
            .ok_or_else(|| wrong("is not a URL: begin with `redis://`, `redis+unix://` or `memory:`"))?;
        if scheme == "memory" {
            return Err(wrong("nothing may follow `memory:`"));
        }
        let (kind, tls) = match scheme.strip_prefix("rediss") {
            Some(kind) => (kind, true),
            None => (scheme.strip_prefix("redis").unwrap_or("no such scheme"), false),
        };
        let servers = match kind {
            "" => one(&UrlParts::split(rest)?, tls)?,
            "+unix" if !tls => socket(&UrlParts::split(rest)?)?,
            "-cluster" => cluster(&UrlParts::split(rest)?, tls)?,
            "-sentinel" => sentinel(&UrlParts::split(rest)?, tls)?,
            _ => {
                return Err(wrong(
                    "known schemes are `redis:`, `redis-cluster:` and `redis-sentinel:`, with `rediss` for TLS, \
                     `redis+unix:` and `memory:`",
                ));
            }
        };
        Ok(Self::Redis(Box::new(servers)))
    }
}

fn one(parts: &UrlParts<'_>, tls: bool) -> Result<Servers, ConfigError> {
    if parts.query.is_some() {
        return Err(wrong("`redis:` takes no query parameters"));
    }
    let mut credentials = credentials(parts.login()?, tls)?;
    credentials.db = match parts.path.strip_prefix('/').unwrap_or("") {
        "" => 0,
        db => database(db)?,
    };
    let mut addrs = parts.addrs(REDIS_PORT)?;
    match (addrs.pop(), addrs.pop()) {
        (Some(addr), None) => Ok(Servers::One(Server { addr, credentials })),
        _ => Err(wrong("`redis:` takes one host: for several, use `redis-cluster:` or `redis-sentinel:`")),
    }
}

fn socket(parts: &UrlParts<'_>) -> Result<Servers, ConfigError> {
    if !parts.authority.is_empty() {
        return Err(wrong("a socket's path begins with a third slash: `redis+unix:///path`"));
    }
    let path = decoded(parts.path)?;
    if !path.starts_with('/') || path == "/" {
        return Err(wrong("names no socket: `redis+unix:///path`"));
    }
    let (mut user, mut password, mut db) = (None, None, 0);
    for (name, value) in parts.pairs("query parameters are `db`, `user` and `password`")? {
        match name {
            "db" => db = database(value)?,
            "user" => user = present(decoded(value)?),
            "password" => password = present(decoded(value)?),
            _ => return Err(wrong("query parameters are `db`, `user` and `password`")),
        }
    }
    let credentials = Credentials { db, ..credentials((user, password), false)? };
    Ok(Servers::One(Server { addr: Addr::Unix { path }, credentials }))
}

fn cluster(parts: &UrlParts<'_>, tls: bool) -> Result<Servers, ConfigError> {
    if parts.query.is_some() {
        return Err(wrong("`redis-cluster:` takes no query parameters"));
    }
    if !matches!(parts.path, "" | "/") {
        return Err(wrong("a Redis Cluster has no databases: nothing may follow the hosts"));
    }
    Ok(Servers::Cluster { seeds: parts.addrs(REDIS_PORT)?, credentials: credentials(parts.login()?, tls)? })
}

fn sentinel(parts: &UrlParts<'_>, tls: bool) -> Result<Servers, ConfigError> {
    let (mut user, mut password) = (None, None);
    for (name, value) in parts.pairs("query parameters are `sentinel_user` and `sentinel_password`")? {
        match name {
            "sentinel_user" => user = present(decoded(value)?),
            "sentinel_password" => password = present(decoded(value)?),
            _ => return Err(wrong("query parameters are `sentinel_user` and `sentinel_password`")),
        }
    }
    let mut path = parts.path.split('/').skip(1);
    let master = decoded(path.next().unwrap_or(""))?;
    if master.is_empty() {
        return Err(wrong("names no master: `redis-sentinel://host,host/master`"));
    }
    let mut master_access = credentials(parts.login()?, tls)?;
    master_access.db = match path.next().unwrap_or("") {
        "" => 0,
        db => database(db)?,
    };
    if path.next().is_some() {
        return Err(wrong("only the master's name and the database may follow the hosts"));
    }
    Ok(Servers::Sentinel(SentinelGroup {
        sentinels: parts.addrs(SENTINEL_PORT)?,
        sentinel_access: credentials((user, password), tls)?,
        master,
        credentials: master_access,
    }))
}

fn credentials((user, password): (Option<String>, Option<String>), tls: bool) -> Result<Credentials, ConfigError> {
    if user.is_some() && password.is_none() {
        return Err(wrong("names a user and no password"));
    }
    #[cfg(not(feature = "tls"))]
    if tls {
        return Err(wrong("TLS (`rediss`) requires the crate feature `tls`"));
    }
    Ok(Credentials {
        user,
        password,
        db: 0,
        #[cfg(feature = "tls")]
        tls: tls.then(Default::default),
    })
}

fn database(text: &str) -> Result<u16, ConfigError> {
    let number = text.bytes().all(|each| each.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| wrong("the database is a number, 0 to 65535"))
}

fn wrong(why: impl std::fmt::Display) -> ConfigError {
    ConfigError::new("url", "of the store", why)
}
