//! The statistics of the servers: CPU time, memory, commands. Summed over the masters.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;

/// Keys that are removed in one round trip.
const REMOVED_AT_ONCE: usize = 1000;
/// For each command: a server that hangs must not hold up the report for long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections to all masters, or why there are none.
pub(crate) struct Observer {
    masters: Result<Vec<MultiplexedConnection>, String>,
}

/// One reply to `INFO`.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) cpu_seconds: f64,
    pub(crate) memory_bytes: u64,
    /// Calls and microseconds of each command.
    pub(crate) commands: BTreeMap<String, (u64, u64)>,
}

impl Observer {
    pub(crate) async fn connect(store: &str) -> Self {
        Self { masters: masters(store).await }
    }

    /// The number of masters observed, or why there are none.
    pub(crate) fn describe(&self) -> Result<usize, String> {
        self.masters.as_ref().map(Vec::len).map_err(Clone::clone)
    }

    /// The sum over all masters; none if one does not reply.
    pub(crate) async fn sample(&mut self) -> Option<Sample> {
        let mut sum = Sample::default();
        for master in self.masters.as_mut().ok()? {
            let info: String = redis::cmd("INFO").arg("everything").query_async(master).await.ok()?;
            sum.add(&info);
        }
        Some(sum)
    }

    /// Removes the content of a namespace, as far as the masters can be reached.
    pub(crate) async fn remove(&mut self, namespace: &str) {
        for master in self.masters.iter_mut().flatten() {
            if let Err(error) = remove(master, namespace).await {
                eprintln!("the namespace {namespace} could not be removed: {error}");
            }
        }
    }
}

impl Sample {
    /// Adds the statistics of one server.
    pub(crate) fn add(&mut self, info: &str) {
        for (name, value) in info.lines().filter_map(|line| line.trim_end().split_once(':')) {
            match name {
                "used_cpu_sys" | "used_cpu_user" => self.cpu_seconds += value.parse().unwrap_or(0.0),
                "used_memory" => self.memory_bytes += value.parse().unwrap_or(0),
                _ => {
                    if let Some(command) = name.strip_prefix("cmdstat_") {
                        let sum = self.commands.entry(command.to_owned()).or_default();
                        sum.0 += part(value, "calls=");
                        sum.1 += part(value, "usec=");
                    }
                }
            }
        }
    }
}

fn part(values: &str, name: &str) -> u64 {
    values.split(',').find_map(|value| value.strip_prefix(name)?.parse().ok()).unwrap_or(0)
}

/// A store URL's login (with its `@`), hosts, and the rest.
pub(crate) fn parts(rest: &str) -> (&str, Vec<&str>, &str) {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
    (login, hosts.split(',').collect(), path)
}

/// The addresses of the masters in a reply to `CLUSTER NODES`.
pub(crate) fn masters_of(nodes: &str) -> Vec<String> {
    let master = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (address, flags) = (words.next()?, words.next()?);
        let serves = flags.split(',').any(|flag| flag == "master") && line.contains(" connected");
        let (address, _) = address.split_once('@')?;
        let (host, port) = address.rsplit_once(':')?;
        // An IPv6 address needs its brackets in a URL.
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        serves.then(|| format!("{host}:{port}"))
    };
    nodes.lines().filter_map(master).collect()
}

async fn masters(store: &str) -> Result<Vec<MultiplexedConnection>, String> {
    let (scheme, rest) = store.split_once(':').unwrap_or((store, ""));
    let rest = rest.trim_start_matches("//");
    match scheme {
        "memory" => Err("the embedded store has no INFO".into()),
        "redis" => Ok(vec![connect(store).await?]),
        // The driver spells the parameter differently.
        "redis+unix" => Ok(vec![connect(&store.replace("password=", "pass=")).await?]),
        "redis-cluster" => cluster(rest).await,
        "redis-sentinel" => sentinel(rest).await,
        _ => Err("they are not read over TLS".into()),
    }
}

async fn cluster(rest: &str) -> Result<Vec<MultiplexedConnection>, String> {
    let (login, hosts, _) = parts(rest);
    let mut seed = first(&hosts, |host| format!("redis://{login}{host}")).await?;
    let nodes = redis::cmd("CLUSTER").arg("NODES").query_async::<String>(&mut seed).await;
    let mut masters = Vec::new();
    for address in masters_of(&nodes.map_err(|error| error.to_string())?) {
        masters.push(connect(&format!("redis://{login}{address}")).await?);
    }
    Ok(masters)
}

async fn sentinel(rest: &str) -> Result<Vec<MultiplexedConnection>, String> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, hosts, path) = parts(rest);
    let given = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or("");
    let (user, password) = (given("sentinel_user="), given("sentinel_password="));
    let watcher = if password.is_empty() { String::new() } else { format!("{user}:{password}@") };
    let with_port = |host: &str| {
        let port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        if port { host.to_owned() } else { format!("{host}:26379") }
    };
    let mut sentinel = first(&hosts, |host| format!("redis://{watcher}{}", with_port(host))).await?;
    let group = path.split('/').next().unwrap_or("");
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(group);
    let master = ask.query_async::<Option<(String, String)>>(&mut sentinel).await;
    let (host, port) = master.map_err(|error| error.to_string())?.ok_or("Sentinel knows no such master")?;
    Ok(vec![connect(&format!("redis://{login}{host}:{port}")).await?])
}

/// A connection to the first server that replies.
async fn first(hosts: &[&str], url: impl Fn(&str) -> String + Send + Sync) -> Result<MultiplexedConnection, String> {
    let mut failure = "no host is named".to_owned();
    for host in hosts {
        match connect(&url(host)).await {
            Ok(connection) => return Ok(connection),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn connect(url: &str) -> Result<MultiplexedConnection, String> {
    let patient =
        redis::AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
    // Without the driver's message, which may quote the URL and with it a password.
    let client = redis::Client::open(url).map_err(|_| "the driver does not take the URL".to_owned())?;
    let connected = client.get_multiplexed_async_connection_with_config(&patient).await;
    connected.map_err(|error| error.category().to_owned())
}

async fn remove(redis: &mut MultiplexedConnection, namespace: &str) -> redis::RedisResult<()> {
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{namespace}:*")).arg("COUNT").arg(REMOVED_AT_ONCE);
        let (next, keys): (u64, Vec<Vec<u8>>) = scan.query_async(redis).await?;
        // One by one: on a Cluster, keys of different slots cannot be removed together.
        let mut pipe = redis::pipe();
        for key in keys {
            pipe.cmd("UNLINK").arg(key).ignore();
        }
        pipe.exec_async(redis).await?;
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}
