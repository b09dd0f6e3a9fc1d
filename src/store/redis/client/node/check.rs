//! Whether the server can be used, and if not, a clear reason.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use redis::{Cmd, ErrorKind, RedisError, Value};

use crate::config::servers::{Addr, Server};
use crate::error::Outage;
use crate::store::redis::client::budget::Budget;
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::node::Node;
use crate::store::redis::client::topology::hash_slot::SLOTS;
use crate::store::redis::client::{Client, Path, Topology};

/// The lowest major versions that have what the scripts need.
const REDIS: u32 = 7;
const VALKEY: u32 = 8;

pub(crate) fn info() -> Cmd {
    let mut command = redis::cmd("INFO");
    command.arg("server");
    command
}

/// Checks the servers of the topology: one server, the Sentinels' master, or all masters of a Cluster.
pub(crate) async fn check(client: &Client, budget: &Budget) -> Result<(), Outage> {
    match &client.topology {
        Topology::One(node) => node_will_do(node, budget, Mode::Standalone).await,
        Topology::Sentinel(group) => match group.found(budget).await {
            Ok(master) => node_will_do(&master, budget, Mode::Standalone).await,
            Err(error) => Err(group.why_not(error).await),
        },
        Topology::Cluster(cluster) => {
            let masters = match cluster.masters(budget).await {
                Ok(masters) => masters,
                Err(error) => return Err(why_no_map(cluster.seeds(), budget, error).await),
            };
            for node in masters {
                node_will_do(&node, budget, Mode::Cluster).await?;
            }
            match cluster.uncovered() {
                0 => Ok(()),
                some => Err(unsupported(format!("no node of the Redis Cluster serves {some} of its {SLOTS} slots"))),
            }
        }
    }
}

/// The mode that a server runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Standalone,
    Cluster,
    Sentinel,
}

async fn node_will_do(node: &Node, budget: &Budget, mode: Mode) -> Result<(), Outage> {
    judge(node.server(), mode, node.send(Path::Request, budget, &info()).await)
}

/// A seed that cannot be used is a better reason than a missing slot map.
async fn why_no_map(seeds: &[Arc<Node>], budget: &Budget, error: CallError) -> Outage {
    for seed in seeds {
        if let Err(outage) = node_will_do(seed, budget, Mode::Cluster).await {
            return outage;
        }
    }
    error.into_outage()
}

/// Checks the reply to [`info`].
pub(crate) fn judge(server: &Server, mode: Mode, answer: Result<Value, CallError>) -> Result<(), Outage> {
    let addr = &server.addr;
    let info = match answer {
        Ok(info) => redis::from_redis_value::<String>(info)
            .map_err(|error| Outage::because(format!("{addr} sent an invalid reply to INFO"), error))?,
        Err(CallError { error: Some(error), .. }) => return Err(Outage::because(explain(server, &error), error)),
        Err(_) => return Err(Outage::because(silent(server), timed_out())),
    };
    match unfit(&info, mode) {
        Some(why) => Err(unsupported(format!("{addr} {why}"))),
        None => Ok(()),
    }
}

fn unsupported(what: String) -> Outage {
    Outage::because(what, io::Error::from(io::ErrorKind::Unsupported))
}

fn silent(server: &Server) -> String {
    let hint = if server.credentials.is_over_tls() { ": does it speak TLS?" } else { "" };
    format!("{} did not reply in time{hint}", server.addr)
}

fn timed_out() -> io::Error {
    io::Error::from(io::ErrorKind::TimedOut)
}

/// Why a server that replies cannot be used.
pub(crate) fn unfit(info: &str, wanted: Mode) -> Option<String> {
    let mode = match field(info, "redis_mode").or(field(info, "server_mode")) {
        Some("cluster") => Mode::Cluster,
        Some("sentinel") => Mode::Sentinel,
        _ => Mode::Standalone,
    };
    match (wanted, mode) {
        _ if wanted == mode => {}
        (_, Mode::Cluster) => return Some("is a Redis Cluster node: use the scheme `redis-cluster:`".into()),
        (_, Mode::Sentinel) => return Some("is a Sentinel: use the scheme `redis-sentinel:`".into()),
        (Mode::Sentinel, _) => return Some("is not a Sentinel: use the scheme `redis:`".into()),
        _ => return Some("is not a Redis Cluster node: use the scheme `redis:`".into()),
    }
    // Valkey reports `redis_version:7.2.4` in every version.
    let (name, version, least) = match (field(info, "valkey_version"), field(info, "redis_version")) {
        (Some(version), _) => ("Valkey", version, VALKEY),
        (None, Some(version)) => ("Redis", version, REDIS),
        (None, None) => return Some("does not report its version: not a Redis server?".into()),
    };
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    (major < Some(least)).then(|| format!("is {name} {version}: Redis 7.0 or Valkey 8.0 is required"))
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Explains a failed connection or call, with the address and without the password.
fn explain(server: &Server, error: &RedisError) -> String {
    let addr = &server.addr;
    let why = match error.kind() {
        ErrorKind::Io => return explain_io(server, error),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => "does not speak the Redis protocol",
        ErrorKind::RESP3NotSupported => "does not know HELLO: Redis 7.0 or Valkey 8.0 is required",
        _ => match (error.code(), server.credentials.user.is_some()) {
            (Some("NOAUTH"), _) => "requires a password; the URL has none",
            (Some("WRONGPASS"), true) => "rejects the login: the user is unknown or disabled, or the password is wrong",
            (Some("WRONGPASS"), false) => "rejects the password",
            (Some("NOPERM"), _) => "denies its user a command that the check needs: HELLO, SELECT, TIME or INFO",
            (Some("DENIED"), _) => "is in protected mode and refuses connections from other machines",
            (Some("LOADING"), _) => "is still loading its data",
            (Some("READONLY"), _) => "is a replica: the URL must name the master",
            _ => return explain_text(server, &error.to_string()),
        },
    };
    format!("{addr} {why}")
}

/// Explains an error without a code.
fn explain_text(server: &Server, text: &str) -> String {
    let addr = &server.addr;
    if text.contains("out of range") {
        format!("{addr} has no database {}", server.credentials.db)
    } else if text.contains("no permissions") {
        format!("{addr} denies its user to select database {}", server.credentials.db)
    } else if text.contains("unknown command") {
        format!("{addr} does not know TIME: for a Sentinel use the scheme `redis-sentinel:`")
    } else if text.contains("max number of clients") {
        format!("{addr} has reached its limit of connections (maxclients)")
    } else {
        format!("{addr} rejects the connection")
    }
}

fn explain_io(server: &Server, error: &RedisError) -> String {
    let addr = &server.addr;
    let tls = server.credentials.is_over_tls();
    let kind = io_kind(error);
    let text = error.to_string();
    match (addr, kind) {
        (Addr::Unix { .. }, Some(io::ErrorKind::NotFound)) => format!("{addr} does not exist"),
        (Addr::Unix { .. }, Some(io::ErrorKind::PermissionDenied)) => format!("not permitted to open {addr}"),
        (_, Some(io::ErrorKind::ConnectionRefused)) => format!("{addr} refuses connections: nothing listens there"),
        (Addr::Tcp { host, .. }, _) if text.contains("lookup address") => {
            format!("the host {host} cannot be resolved")
        }
        _ if text.contains("invalid peer certificate") => format!("{addr} presents a certificate that is not trusted"),
        _ if text.contains("fatal alert") => {
            format!("{addr} rejects the TLS handshake: does it require a client certificate?")
        }
        _ if text.contains("corrupt message") => format!("{addr} does not speak TLS"),
        (_, Some(io::ErrorKind::TimedOut)) => silent(server),
        (_, Some(io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)) => {
            format!("{addr} closed the connection: is it a Redis, and {} TLS?", if tls { "with" } else { "without" })
        }
        _ => format!("{addr} cannot be reached"),
    }
}

fn io_kind(error: &RedisError) -> Option<io::ErrorKind> {
    // The redis crate keeps the source in an `Arc`, which is an error type of its own.
    let shared = error.source()?.downcast_ref::<Arc<dyn StdError + Send + Sync>>()?;
    shared.downcast_ref::<io::Error>().map(io::Error::kind)
}

#[cfg(test)]
mod tests {
    use crate::store::redis::client::node::check::Mode::{Cluster, Sentinel, Standalone};
    use crate::store::redis::client::node::check::unfit;

    #[test]
    fn redis_7_and_valkey_8_and_later_are_accepted() {
        for good in
            ["redis_version:7.0.15\r\n", "redis_version:10.1\r\n", "redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n"]
        {
            assert_eq!(unfit(&format!("# Server\r\n{good}redis_mode:standalone\r\n"), Standalone), None);
            assert_eq!(unfit(&format!("# Server\r\n{good}redis_mode:cluster\r\n"), Cluster), None);
            assert_eq!(unfit(&format!("# Server\r\n{good}server_mode:cluster\r\n"), Cluster), None);
        }
    }

    #[test]
    fn older_and_other_servers_are_rejected() {
        for (bad, why) in [
            ("redis_version:6.2.14", "is Redis 6.2.14: "),
            ("redis_version:7.2.4\r\nvalkey_version:7.2.9", "is Valkey 7.2.9: "),
            ("redis_version:rolling", "is Redis rolling: "),
            ("uptime:1", "does not report its version"),
        ] {
            assert!(unfit(bad, Standalone).is_some_and(|text| text.starts_with(why)), "{bad}");
        }
    }

    #[test]
    fn the_check_of_another_mode_names_the_right_scheme() {
        let info = |mode: &str, wanted| unfit(&format!("redis_version:7.0.0\r\nredis_mode:{mode}"), wanted);
        for (mode, wanted, why) in [
            ("cluster", Standalone, "is a Redis Cluster node: use the scheme `redis-cluster:`"),
            ("cluster", Sentinel, "is a Redis Cluster node: use the scheme `redis-cluster:`"),
            ("sentinel", Standalone, "is a Sentinel: use the scheme `redis-sentinel:`"),
            ("sentinel", Cluster, "is a Sentinel: use the scheme `redis-sentinel:`"),
            ("standalone", Cluster, "is not a Redis Cluster node: use the scheme `redis:`"),
            ("standalone", Sentinel, "is not a Sentinel: use the scheme `redis:`"),
        ] {
            assert_eq!(info(mode, wanted).as_deref(), Some(why), "{mode} {wanted:?}");
        }
    }
}
