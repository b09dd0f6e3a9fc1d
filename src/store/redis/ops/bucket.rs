//! A bucket's sessions, found by its deadline index: revoke, count, sweep. Uses bulk connections; each bounded call has
//! its own budget.

use redis::{Value, cmd};

use crate::config::timeouts::NO_END_MS;
use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::{Bucket, SessionId, UserHash};
use crate::store::redis::Redis;
use crate::store::redis::client::Path;
use crate::store::redis::layout::keys::{KeyBytes, named};
use crate::store::redis::layout::meta::owner;
use crate::store::redis::ops::load::{IndexedState, exactly, look};
use crate::store::redis::ops::resharding::{EndByKey, end_by_key};
use crate::store::redis::script::call::ScriptCall;
use crate::store::redis::script::reply::{bytes, items, millis, unexpected};
use crate::store::redis::script::scripts;
use crate::store::{BATCH, ENDS, Swept, Who};
use crate::util::clock::Millis;

impl Redis {
    /// Ends the sessions that the bucket has now, read once, in calls of at most [`ENDS`].
    pub(crate) async fn revoke_bucket(&self, bucket: Bucket, who: Who) -> Result<u64, Error> {
        let ids = entries(self, bucket).await?;
        let mut ended = 0;
        for ids in ids.chunks(ENDS) {
            let named: Vec<IndexedSession> = match who {
                Who::Everyone => met(self, ids).await?.map(|(id, found)| (id, user(found))).collect(),
                Who::Guests => ids.iter().map(|id| (*id, None)).collect(),
            };
            let caught = match who {
                Who::Everyone => Vec::new(),
                Who::Guests => owner(""),
            };
            ended += revoke_some(self, bucket, &named, caught).await?;
        }
        Ok(ended)
    }
}

async fn revoke_some(redis: &Redis, bucket: Bucket, named: &[IndexedSession], caught: Vec<u8>) -> Result<u64, Error> {
    let mut keys = keys(redis, bucket, named);
    keys.insert(1, keys[0].clone()); // no session has to stay
    let call = ScriptCall::new(&scripts::REVOKE, keys)
        .number(EndReason::Revoked.code())
        .number(redis.settings.remember_ms)
        .number(NO_END_MS)
        .bytes(caught.clone())
        .members(&named.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let mut delivery = redis.step(Path::Bulk, redis.client.budget(), &call.keys[0])?;
    match redis.call_if_whole(&mut delivery, &call).await? {
        Some(reply) => reply.answer(|ended| millis(&ended))?.map_err(|_| unexpected()),
        None => revoke_each(redis, named, caught).await,
    }
}

/// The same while the bucket's slot moves: one session per call.
async fn revoke_each(redis: &Redis, named: &[IndexedSession], owner: Vec<u8>) -> Result<u64, Error> {
    let listed = owner.is_empty();
    let how = EndByKey { reason: EndReason::Revoked, latest: None, owner, listed };
    let mut ended = 0;
    for (id, user) in named {
        let mut delivery = redis.step(Path::Bulk, redis.client.budget(), &redis.keys.session(*id))?;
        ended += u64::from(end_by_key(redis, &mut delivery, *id, user.as_deref(), &how).await?);
    }
    Ok(ended)
}

impl Redis {
    pub(crate) async fn active(&self, bucket: Bucket, since: Millis) -> Result<u64, Error> {
        let recent = |found: &&IndexedState| matches!(found, IndexedState::Live(meta) if meta.touched >= since);
        let mut count = 0;
        for ids in entries(self, bucket).await?.chunks(BATCH) {
            count += look(self, Path::Bulk, &self.client.budget(), ids).await?.iter().filter(recent).count();
        }
        Ok(count as u64)
    }

    /// Repeats until fewer sessions are due than one call may name. Skips sessions that this version cannot read, and
    /// sessions on two servers while the slot moves: another sweep finds them.
    pub(crate) async fn sweep(&self, bucket: Bucket) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let mut passed_over = 0;
        loop {
            let due = due(self, bucket, passed_over).await?;
            let readable = met(self, &due).await?.filter(|(_, found)| !matches!(found, IndexedState::Foreign));
            let named: Vec<IndexedSession> = readable.map(|(id, found)| (id, user(found))).collect();
            passed_over += due.len() - named.len();
            if !named.is_empty() {
                let [expired, forgotten, rescored] = sweep_some(self, bucket, &named).await?;
                swept.expired += expired;
                swept.forgotten += forgotten;
                swept.rescored += rescored;
                // Not due yet by Redis's clock, or taken by another sweeper.
                passed_over += named.len().saturating_sub((expired + forgotten + rescored) as usize);
            }
            if due.len() < ENDS {
                return Ok(swept);
            }
        }
    }
}

async fn sweep_some(redis: &Redis, bucket: Bucket, named: &[IndexedSession]) -> Result<[u64; 3], Error> {
    let call = ScriptCall::new(&scripts::SWEEP, keys(redis, bucket, named))
        .number(redis.settings.remember_ms)
        .members(&named.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let mut delivery = redis.step(Path::Bulk, redis.client.budget(), &call.keys[0])?;
    let Some(reply) = redis.call_if_whole(&mut delivery, &call).await? else { return Ok([0; 3]) };
    let counts = |content: Value| {
        let [expired, forgotten, rescored] = exactly(items(content)?)?;
        Ok([millis(&expired)?, millis(&forgotten)?, millis(&rescored)?])
    };
    reply.answer(counts)?.map_err(|_| unexpected())
}

/// All sessions in the bucket's index.
async fn entries(redis: &Redis, bucket: Bucket) -> Result<Vec<SessionId>, Error> {
    let key = redis.keys.deadlines(bucket);
    let mut read = cmd("ZRANGE");
    read.arg(&key).arg(0).arg(-1);
    ids(redis.client.read_one(Path::Bulk, &redis.client.budget(), &key, &read).await?)
}

/// The sessions whose score is not later than now, by the estimated clock; the script decides by Redis's clock.
async fn due(redis: &Redis, bucket: Bucket, passed_over: usize) -> Result<Vec<SessionId>, Error> {
    let key = redis.keys.deadlines(bucket);
    let mut read = cmd("ZRANGEBYSCORE");
    read.arg(&key).arg("-inf").arg(redis.client.now_at(&key));
    read.arg("LIMIT").arg(passed_over).arg(ENDS);
    ids(redis.client.read_one(Path::Bulk, &redis.client.budget(), &key, &read).await?)
}

fn ids(members: Value) -> Result<Vec<SessionId>, Error> {
    let members = items(members)?;
    let ids = members.iter().map(|member| bytes(member).map(named)).collect::<Result<Vec<_>, _>>()?;
    Ok(ids.into_iter().flatten().collect())
}

/// A session, and the user whose index has it.
type IndexedSession = (SessionId, Option<String>);

/// The sessions, with the stored state of each.
async fn met(redis: &Redis, ids: &[SessionId]) -> Result<impl Iterator<Item = (SessionId, IndexedState)>, Error> {
    let found = look(redis, Path::Bulk, &redis.client.budget(), ids).await?;
    Ok(ids.iter().copied().zip(found))
}

/// The session's user, which never changes, if still known.
fn user(found: IndexedState) -> Option<String> {
    match found {
        IndexedState::Live(meta) => meta.user,
        IndexedState::Dead(user) => user,
        IndexedState::Absent | IndexedState::Foreign => None,
    }
}

/// The bucket's index, and for each session its key and its user's index; for a guest the bucket's index again.
fn keys(redis: &Redis, bucket: Bucket, named: &[IndexedSession]) -> Vec<KeyBytes> {
    let deadlines = redis.keys.deadlines(bucket);
    let mut keys = vec![deadlines.clone()];
    for (id, user) in named {
        let index = user.as_deref().map(|user| redis.keys.index(&UserHash::of(user)));
        keys.extend([redis.keys.session(*id), index.unwrap_or_else(|| deadlines.clone())]);
    }
    keys
}
