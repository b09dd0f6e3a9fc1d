//! The doctor: queries the servers' settings; the judgement is pure.

use redis::{Value, cmd, pipe};

use crate::doctor::{Finding, Severity};
use crate::error::Error;
use crate::identity::id::Bucket;
use crate::store::redis::Redis;
use crate::store::redis::client::{Budget, CallError, Path};
use crate::store::redis::layout::keys::named;
use crate::store::redis::script::reply::{bytes, items, number, time};
use crate::util::clock::system_ms;

/// Number of sampled buckets, and of sampled sessions in each.
const BUCKETS: usize = 64;
const EACH: usize = 16;
/// Clocks that differ by more make displayed times wrong and operations late.
const SKEW_MS: u64 = 5_000;

/// Takes at most one budget. Each query gets an equal part of the time left, so that a server that does not reply to
/// one leaves time for the others.
pub(crate) async fn examine(redis: &Redis) -> Result<Vec<Finding>, Error> {
    let budget = redis.client.budget();
    let mut findings = Vec::new();
    let mut clocks = Vec::new();
    for (server, answer) in ask(redis, &budget.part(5), &["INFO"]).await? {
        match answer {
            Ok(told) => mark(&mut findings, &server, judge_info(&text(&told), redis.client.is_cluster())),
            Err(error) => mark(&mut findings, &server, vec![refused("INFO", error)]),
        }
    }
    for (server, answer) in ask(redis, &budget.part(4), &["CONFIG", "GET", "*"]).await? {
        let found = match answer {
            Ok(told) => judge_config(&settings(told), redis.eviction_allowed),
            Err(error) => vec![refused("CONFIG GET", error)],
        };
        mark(&mut findings, &server, found);
    }
    for (server, answer) in ask(redis, &budget.part(3), &["TIME"]).await? {
        if let Some(now) = answer.ok().and_then(|now| time(&now).ok()) {
            clocks.push((server, now, system_ms()));
        }
    }
    findings.extend(judge_clocks(&clocks));
    if redis.client.is_cluster() {
        for (server, answer) in ask(redis, &budget.part(2), &["CLUSTER", "INFO"]).await?.into_iter().take(1) {
            let found =
                answer.map_or_else(|error| vec![refused("CLUSTER INFO", error)], |told| judge_cluster(&text(&told)));
            mark(&mut findings, &server, found);
        }
    } else {
        for (server, answer) in ask(redis, &budget.part(2), &["ROLE"]).await? {
            let found = answer.err().map(|error| refused("ROLE", error));
            mark(&mut findings, &server, found.into_iter().collect());
        }
    }
    findings.extend(immortal(redis, &budget).await?);
    Ok(findings)
}

type PerServer = Vec<(String, Result<Value, CallError>)>;

async fn ask(redis: &Redis, budget: &Budget, words: &[&str]) -> Result<PerServer, Error> {
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    Ok(redis.client.ask_masters(budget, &command).await?)
}

fn mark(all: &mut Vec<Finding>, server: &str, found: Vec<Finding>) {
    all.extend(found.into_iter().map(|finding| Finding { server: server.to_owned(), ..finding }));
}

fn refused(command: &str, error: CallError) -> Finding {
    let error = Error::from(error);
    let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    Finding::new(
        Severity::Info,
        "not_told",
        format!("{command} was not answered ({why}), so what it tells was not examined"),
        "Permit it to this user, or call `doctor` as another one",
    )
}

fn text(value: &Value) -> String {
    match value {
        Value::VerbatimString { text, .. } => text.clone(),
        value => String::from_utf8_lossy(bytes(value).unwrap_or_default()).into_owned(),
    }
}

/// Names and values of a `CONFIG GET` reply.
fn settings(told: Value) -> Vec<(String, String)> {
    let flat = match told {
        Value::Map(pairs) => pairs.into_iter().flat_map(|(name, value)| [name, value]).collect(),
        list => items(list).unwrap_or_default(),
    };
    flat.chunks_exact(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Findings in a master's `INFO`.
pub(crate) fn judge_info(info: &str, cluster: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let (name, version) = match (field(info, "valkey_version"), field(info, "redis_version")) {
        (Some(version), _) => ("Valkey", version),
        (None, version) => ("Redis", version.unwrap_or("of an unknown version")),
    };
    found.push(Finding::new(Severity::Info, "version", format!("the server is {name} {version}"), "Nothing to do"));
    if field(info, "role") == Some("slave") {
        found.push(Finding::new(
            Severity::Error,
            "replica",
            "the server is a replica: it answers loads, and refuses every login, save and logout",
            "Name its master, or the Sentinels that know it",
        ));
    }
    if cluster && field(info, "connected_slaves") == Some("0") {
        found.push(Finding::new(
            Severity::Warning,
            "no_replica",
            "this master has no replica: if it fails, its share of all users is out until it is back",
            "Give every master a replica",
        ));
    }
    if field(info, "rdb_last_bgsave_status") == Some("err") || field(info, "aof_last_write_status") == Some("err") {
        found.push(Finding::new(
            Severity::Error,
            "persistence_fails",
            "the last attempt to persist failed: a restart loses sessions, and the server may refuse writes",
            "Look at the server's log and disk",
        ));
    }
    found
}

/// Findings in a server's `CONFIG GET`.
fn judge_config(settings: &[(String, String)], eviction_allowed: bool) -> Vec<Finding> {
    let get = |name: &str| settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut found = Vec::new();
    if let Some(policy) = get("maxmemory-policy").filter(|policy| *policy != "noeviction") {
        found.push(Finding::new(
            if eviction_allowed { Severity::Warning } else { Severity::Error },
            "eviction",
            format!(
                "maxmemory-policy is {policy}: at full memory Redis drops sessions, but also indexes, revocations and \
                 tombstones, so that a revoked session can open again and a list be incomplete"
            ),
            "Set maxmemory-policy to noeviction",
        ));
    }
    if get("save") == Some("") && get("appendonly") == Some("no") {
        found.push(Finding::new(
            Severity::Warning,
            "no_persistence",
            "nothing is persisted: a restart logs everyone out",
            "Set `appendonly yes`, or `save` points",
        ));
    }
    if get("min-replicas-to-write") == Some("0") {
        found.push(Finding::new(
            Severity::Info,
            "no_min_replicas",
            "a master that is cut off from its replicas goes on accepting writes, which the failover then loses",
            "With replicas, set min-replicas-to-write to 1",
        ));
    }
    if get("maxmemory") == Some("0") {
        found.push(Finding::new(
            Severity::Info,
            "no_maxmemory",
            "memory is not limited: the operating system may end Redis instead of Redis refusing new sessions",
            "Set maxmemory below the machine's memory",
        ));
    }
    let listpack = get("hash-max-listpack-value").and_then(|bytes| bytes.parse::<u32>().ok());
    if let Some(bytes) = listpack.filter(|bytes| *bytes < 1024) {
        found.push(Finding::new(
            Severity::Info,
            "hash_max_listpack_value",
            format!("hash-max-listpack-value is {bytes}: a session's small fields, which lie together, are longer, so its hash takes more memory than it need"),
            "Set hash-max-listpack-value to 1024",
        ));
    }
    found
}

/// Findings in the servers' clocks: each server's time, and this process's when the reply arrived.
fn judge_clocks(clocks: &[(String, u64, u64)]) -> Vec<Finding> {
    let skewed = clocks.iter().filter(|(_, theirs, ours)| theirs.abs_diff(*ours) > SKEW_MS);
    skewed
        .map(|(server, theirs, ours)| Finding {
            server: server.clone(),
            ..Finding::new(
                Severity::Warning,
                "clock_skew",
                format!("its clock and this machine's differ by {} ms", theirs.abs_diff(*ours)),
                "Keep all machines' clocks by NTP",
            )
        })
        .collect()
}

fn judge_cluster(info: &str) -> Vec<Finding> {
    let assigned = field(info, "cluster_slots_assigned").and_then(|slots| slots.parse::<u32>().ok()).unwrap_or(0);
    let fine = field(info, "cluster_slots_ok").and_then(|slots| slots.parse::<u32>().ok()).unwrap_or(0);
    if assigned.min(fine) >= 16_384 {
        return Vec::new();
    }
    vec![Finding::new(
        Severity::Error,
        "slots_not_served",
        format!(
            "{} of 16384 slots are served by no master: the users in them have no sessions",
            16_384 - assigned.min(fine)
        ),
        "Look at `CLUSTER NODES`; assign the slots, or bring their masters back",
    )]
}

/// Indexed sessions whose key has no expiry; this crate never creates one.
async fn immortal(redis: &Redis, budget: &Budget) -> Result<Option<Finding>, Error> {
    let start = usize::from(Bucket::random()?.index());
    let stride = usize::from(Bucket::COUNT) / BUCKETS;
    let mut keys = Vec::new();
    for bucket in Bucket::all().cycle().skip(start).step_by(stride).take(BUCKETS) {
        let index = redis.keys.deadlines(bucket);
        let mut read = cmd("ZRANGE");
        read.arg(&index).arg(0).arg(EACH - 1);
        let ids = items(redis.client.read_one(Path::Bulk, budget, &index, &read).await?)?;
        let sessions: Vec<_> =
            ids.iter().filter_map(|id| named(bytes(id).ok()?)).map(|id| redis.keys.session(id)).collect();
        if sessions.is_empty() {
            continue;
        }
        let mut reads = pipe();
        for key in &sessions {
            reads.cmd("PTTL").arg(key);
        }
        let left = redis.client.read(Path::Bulk, budget, &index, &reads).await?;
        keys.extend(sessions.into_iter().zip(left).filter(|(_, left)| number(left).is_ok_and(|left| left == -1)));
    }
    Ok((!keys.is_empty()).then(|| {
        Finding::new(
            Severity::Error,
            "no_expiry",
            format!("{} sessions of a sample never expire, as {}", keys.len(), String::from_utf8_lossy(&keys[0].0)),
            "Something else wrote them, as PERSIST or RESTORE without an expiry: revoke these sessions",
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(found: &[Finding]) -> Vec<(&'static str, Severity)> {
        found.iter().map(|finding| (finding.code, finding.severity)).collect()
    }

    fn config(with: &[(&str, &str)]) -> Vec<(String, String)> {
        let good = [
            ("maxmemory-policy", "noeviction"),
            ("maxmemory", "1000000000"),
            ("save", "3600 1"),
            ("appendonly", "no"),
            ("min-replicas-to-write", "1"),
            ("hash-max-listpack-value", "1024"),
        ];
        let value = |name| with.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        good.iter().map(|(name, fine)| ((*name).to_owned(), value(*name).unwrap_or(fine).to_owned())).collect()
    }

    #[test]
    fn a_server_configured_by_the_guide_has_no_findings() {
        assert_eq!(codes(&judge_config(&config(&[]), false)), []);
        assert_eq!(codes(&judge_cluster("cluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n")), []);
        assert_eq!(judge_clocks(&[("a".into(), 10_000, 6_000)]), []);
    }

    #[test]
    fn every_risky_setting_is_found() {
        let one = |name, value| codes(&judge_config(&config(&[(name, value)]), false));
        for policy in ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"] {
            assert_eq!(one("maxmemory-policy", policy), [("eviction", Severity::Error)]);
        }
        assert_eq!(one("save", ""), [("no_persistence", Severity::Warning)]);
        assert_eq!(one("min-replicas-to-write", "0"), [("no_min_replicas", Severity::Info)]);
        assert_eq!(one("maxmemory", "0"), [("no_maxmemory", Severity::Info)]);
        assert_eq!(one("hash-max-listpack-value", "64"), [("hash_max_listpack_value", Severity::Info)]);
        let durable = config(&[("save", ""), ("appendonly", "yes")]);
        assert_eq!(codes(&judge_config(&durable, false)), []);
    }

    #[test]
    fn an_eviction_policy_allowed_by_name_stays_a_warning() {
        let evicting = config(&[("maxmemory-policy", "allkeys-lru")]);
        assert_eq!(codes(&judge_config(&evicting, true)), [("eviction", Severity::Warning)]);
    }

    #[test]
    fn replies_of_masters_and_clusters_are_judged() {
        let bare = "redis_version:7.0.15\r\nconnected_slaves:0\r\n";
        assert_eq!(codes(&judge_info(bare, false)), [("version", Severity::Info)]);
        assert_eq!(codes(&judge_info(bare, true))[1], ("no_replica", Severity::Warning));
        let failing = "redis_version:7.0.15\r\nrdb_last_bgsave_status:err\r\n";
        assert_eq!(codes(&judge_info(failing, false))[1], ("persistence_fails", Severity::Error));
        let replica = "redis_version:7.0.15\r\nrole:slave\r\n";
        assert_eq!(codes(&judge_info(replica, false))[1], ("replica", Severity::Error));
        let torn = judge_cluster("cluster_slots_assigned:16384\r\ncluster_slots_ok:10922\r\n");
        assert_eq!(codes(&torn), [("slots_not_served", Severity::Error)]);
        assert_eq!(codes(&judge_clocks(&[("a".into(), 10_000, 4_999)])), [("clock_skew", Severity::Warning)]);
    }
}
