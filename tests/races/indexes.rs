//! I-16: a user's live sessions are always in the user's index; I-13: every key has an expiry but `d`.

use cloakroom::{Cap, ClientInfo, Login};
use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;

use super::servers;
use crate::common::keys;

/// One step of the server: is a live session of a user missing from the index, or is any key without expiry?
const LOOK: &str = r"
local fault = redis.call('PTTL', KEYS[1]) == -1 and 'has no expiry' or ''
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return fault end
local meta = redis.call('HGET', KEYS[1], '@')
if not meta then return 'has no metadata' end
if meta:byte(2) ~= 0 or not meta:find(ARGV[2], 108, true) then return fault end
local member = '\0' .. ARGV[1]
if not redis.call('ZSCORE', KEYS[2], member) then return 'lives outside of its index' end
if redis.call('PTTL', KEYS[2]) < redis.call('PTTL', KEYS[1]) then return 'outlives its index' end
return fault
";

async fn look(redis: &mut MultiplexedConnection, namespace: &str, index: &str) -> u64 {
    let mut live = 0;
    for key in keys::all(redis, namespace).await {
        if key.ends_with(":d") {
            continue;
        }
        let id = key
            .rsplit(':')
            .next()
            .and_then(|id| uuid::Uuid::try_parse(id).ok())
            .map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        let mut eval = redis::cmd("EVAL");
        eval.arg(LOOK).arg(2).arg(&key).arg(index).arg(id).arg("ada");
        let fault: String = eval.query_async(redis).await.unwrap_or_default();
        assert_eq!(fault, "", "{key}");
        live += 1;
    }
    live
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_session_is_in_its_index_at_every_moment_of_a_busy_life() {
    let (stage, servers) = servers(|with| with.cap(Cap::evict(4))).await;
    let _ = stage.user("ada").await;
    let mut found = None;
    for mut redis in stage.masters().await {
        let keys = keys::all(&mut redis, &stage.namespace).await;
        found = found.or(keys.into_iter().find(|key| key.contains(":u:")).map(|index| (redis, index)));
    }
    let (mut redis, index) = found.expect("an index");
    let mut churn = JoinSet::new();
    for number in 0..8 {
        let server = servers[number % 3].clone();
        churn.spawn(async move {
            for _ in 0..40 {
                let session = server.open(None, ClientInfo::new()).await.expect("there");
                let _ = session.login(Login::new("ada")).await.expect("there");
                let _ = session.rotate().await.expect("there");
                let _ = session.login(Login::new("ada")).await.expect("there");
                match number % 4 {
                    0 => drop(session.logout().await.expect("there")),
                    1 => drop(server.revoke_user("ada").await.expect("there")),
                    2 => drop(server.user("ada").list().await.expect("there")),
                    _ => drop(session.increment("n", 1).await),
                }
            }
        });
    }
    let mut looks = 0;
    while !churn.is_empty() {
        look(&mut redis, &stage.namespace, &index).await;
        looks += 1;
        while churn.try_join_next().is_some_and(|done| done.is_ok()) {}
    }
    assert!(looks > 2, "looked {looks} times only");
    look(&mut redis, &stage.namespace, &index).await;
    assert!(stage.sessions.user("ada").count().await.expect("there") <= 4);
}
