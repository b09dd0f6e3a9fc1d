//! Whether the server will do, and if not, why, in clear words.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use redis::{Cmd, ErrorKind, RedisError, Value};

use super::fault::Fault;
use crate::config::url::{Place, Server};
use crate::error::Outage;

/// The least major versions that have what the scripts need.
const REDIS: u32 = 7;
const VALKEY: u32 = 8;

pub(super) fn info() -> Cmd {
    let mut command = redis::cmd("INFO");
    command.arg("server");
    command
}

/// Judges the answer to [`info`].
pub(super) fn check(server: &Server, answer: Result<Value, Fault>) -> Result<(), Outage> {
    let place = &server.place;
    let told = match answer {
        Ok(told) => redis::from_redis_value::<String>(told)
            .map_err(|error| Outage::because(format!("{place} answers INFO as no Redis does"), error))?,
        Err(Fault { error: Some(error), .. }) => return Err(Outage::because(explain(server, &error), error)),
        Err(_) => return Err(Outage::because(format!("{place} gave no answer in time"), timed_out())),
    };
    match unfit(&told) {
        Some(why) => Err(Outage::because(format!("{place} {why}"), io::Error::from(io::ErrorKind::Unsupported))),
        None => Ok(()),
    }
}

fn timed_out() -> io::Error {
    io::Error::from(io::ErrorKind::TimedOut)
}

/// Why a server that answers will not do.
fn unfit(info: &str) -> Option<String> {
    match field(info, "redis_mode") {
        Some("cluster") => return Some("is a node of a Redis Cluster, which is not supported yet".into()),
        Some("sentinel") => return Some("is a Sentinel, which is not supported yet".into()),
        _ => {}
    }
    // Valkey says `redis_version:7.2.4` whatever it is.
    let (name, version, least) = match (field(info, "valkey_version"), field(info, "redis_version")) {
        (Some(version), _) => ("Valkey", version, VALKEY),
        (None, Some(version)) => ("Redis", version, REDIS),
        (None, None) => return Some("does not tell its version, so it is not taken for a Redis".into()),
    };
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    (major < Some(least)).then(|| format!("is {name} {version}: Redis 7.0 or Valkey 8.0 is the least that will do"))
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// What a failed connection or call means, with the address and without the password.
fn explain(server: &Server, error: &RedisError) -> String {
    let place = &server.place;
    let why = match error.kind() {
        ErrorKind::Io => return explain_io(place, error),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => "does not speak Redis's protocol",
        ErrorKind::RESP3NotSupported => "does not know HELLO: Redis 7.0 or Valkey 8.0 is the least that will do",
        _ => match (error.code(), server.user.is_some()) {
            (Some("NOAUTH"), _) => "wants a password, and the URL has none",
            (Some("WRONGPASS"), true) => "refuses the login: the user is unknown or off, or the password is wrong",
            (Some("WRONGPASS"), false) => "refuses the password",
            (Some("NOPERM"), _) => "does not permit its user what a check needs: HELLO, SELECT, TIME, INFO",
            (Some("DENIED"), _) => "is in protected mode and refuses connections from other machines",
            (Some("LOADING"), _) => "is still loading its data",
            _ => return explain_text(server, &error.to_string()),
        },
    };
    format!("{place} {why}")
}

/// Some refusals have no code of their own.
fn explain_text(server: &Server, text: &str) -> String {
    let place = &server.place;
    if text.contains("out of range") {
        format!("{place} has no database {}", server.db)
    } else if text.contains("no permissions") {
        format!("{place} does not permit its user to select database {}", server.db)
    } else if text.contains("max number of clients") {
        format!("{place} has as many connections as it allows")
    } else {
        format!("{place} refuses the connection")
    }
}

fn explain_io(place: &Place, error: &RedisError) -> String {
    let kind = io_kind(error);
    let text = error.to_string();
    match (place, kind) {
        (Place::Unix { .. }, Some(io::ErrorKind::NotFound)) => format!("there is no {place}"),
        (Place::Unix { .. }, Some(io::ErrorKind::PermissionDenied)) => format!("not permitted to open {place}"),
        (_, Some(io::ErrorKind::ConnectionRefused)) => format!("{place} refuses connections: nothing listens there"),
        (Place::Tcp { host, .. }, _) if text.contains("lookup address") => format!("the host {host} is not known"),
        (_, Some(io::ErrorKind::TimedOut)) => format!("{place} gave no answer in time"),
        (_, Some(io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)) => {
            format!("{place} closed the connection: is it a Redis, and without TLS?")
        }
        _ => format!("{place} cannot be reached"),
    }
}

fn io_kind(error: &RedisError) -> Option<io::ErrorKind> {
    // The driver keeps its source in an `Arc`, which is an error type of its own.
    let shared = error.source()?.downcast_ref::<Arc<dyn StdError + Send + Sync>>()?;
    shared.downcast_ref::<io::Error>().map(io::Error::kind)
}

#[cfg(test)]
mod tests {
    use super::unfit;

    #[test]
    fn versions_from_redis_7_and_valkey_8_will_do() {
        for good in
            ["redis_version:7.0.15\r\n", "redis_version:10.1\r\n", "redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n"]
        {
            assert_eq!(unfit(&format!("# Server\r\n{good}redis_mode:standalone\r\n")), None);
        }
    }

    #[test]
    fn older_and_other_servers_will_not_do() {
        for (bad, why) in [
            ("redis_version:6.2.14", "is Redis 6.2.14: "),
            ("redis_version:7.2.4\r\nvalkey_version:7.2.9", "is Valkey 7.2.9: "),
            ("redis_version:rolling", "is Redis rolling: "),
            ("uptime:1", "does not tell its version"),
            ("redis_version:7.0.0\r\nredis_mode:cluster", "is a node of a Redis Cluster"),
            ("redis_version:7.0.0\r\nredis_mode:sentinel", "is a Sentinel"),
        ] {
            assert!(unfit(bad).is_some_and(|text| text.starts_with(why)), "{bad}");
        }
    }
}
