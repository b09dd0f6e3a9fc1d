//! Ends while a slot moves: its keys may be on two servers, and a script that names several of them gets `TRYAGAIN`.
//!
//! A script on the session's key alone can always run, on the server that has it. It leaves a dead member in the
//! indexes. Calls with one key each remove those; if such a call fails, whichever operation next finds the member
//! removes it.

use redis::cmd;

use crate::end::EndReason;
use crate::error::Error;
use crate::fields::Delta;
use crate::fields::map::Contents;
use crate::identity::id::{SessionId, UserHash};
use crate::store::redis::Redis;
use crate::store::redis::layout::keys::member;
use crate::store::redis::ops::create::create_within;
use crate::store::redis::ops::load::{fields, load_within};
use crate::store::redis::script::call::{Delivery, ScriptCall};
use crate::store::redis::script::scripts;
use crate::store::{End, Loaded, NewSession, Record, StoreResult, Undelivered};
use crate::util::clock::Millis;
use crate::util::rarely::rarely;

/// How to end a session, and under which conditions.
#[derive(Clone)]
pub(crate) struct EndByKey {
    pub(crate) reason: EndReason,
    /// Only if its login is not later.
    pub(crate) latest: Option<Millis>,
    /// Only if it is this user's, as packed in the tail; if empty, anyone's.
    pub(crate) owner: Vec<u8>,
    /// Also if this version cannot read it: the user's index has it, or the user does not matter.
    pub(crate) listed: bool,
}

/// Ends one session; answers whether it was.
pub(crate) async fn end_by_key(
    redis: &Redis,
    delivery: &mut Delivery,
    id: SessionId,
    user: Option<&str>,
    how: &EndByKey,
) -> Result<bool, Error> {
    let call = ScriptCall::new(&scripts::END_BY_KEY, vec![redis.keys.session(id)])
        .nothing()
        .number(how.reason.code())
        .number(redis.settings.remember_ms)
        .maybe(how.latest)
        .bytes(how.owner.clone())
        .bytes(if how.listed { &b"1"[..] } else { b"" })
        .names(&[])
        .delta(Delta::NONE)?;
    let ended = redis.call(delivery, &call).await?.answer(|_| Ok(()))?.is_ok();
    if ended {
        unlist(redis, delivery, id, user).await;
    }
    Ok(ended)
}

/// The same as `end`; a second call creates the successor.
pub(crate) async fn end(redis: &Redis, delivery: &mut Delivery, end: &End) -> StoreResult<Option<Record>> {
    let names = end.successor.as_ref().map_or(&[][..], |(_, keep)| keep);
    let call = ScriptCall::new(&scripts::END_BY_KEY, vec![redis.keys.session(end.old.id)])
        .number(end.old.generation)
        .number(end.reason.code())
        .number(redis.settings.remember_ms)
        .nothing()
        .nothing()
        .nothing()
        .names(names)
        .delta(&end.delta)?;
    let carried = match redis.call(delivery, &call).await?.answer_in_place(fields)? {
        Ok(carried) => carried,
        Err(refused) => return Ok(Err(refused)),
    };
    unlist(redis, delivery, end.old.id, end.old.user.as_deref()).await;
    match &end.successor {
        Some((new, _)) if !carried.is_empty() => Ok(Ok(follow(redis, delivery, new, carried).await)),
        _ => Ok(Ok(None)),
    }
}

/// The same as `end_undelivered`.
pub(crate) async fn end_undelivered(
    redis: &Redis,
    delivery: &mut Delivery,
    undelivered: &Undelivered,
) -> StoreResult<bool> {
    let Undelivered { id, user, .. } = undelivered;
    let call = ScriptCall::new(&scripts::END_BY_KEY, vec![redis.keys.session(*id)])
        .bytes(undelivered.packed())
        .number(EndReason::Undelivered.code())
        .number(redis.settings.remember_ms)
        .nothing()
        .nothing()
        .nothing()
        .names(&[])
        .delta(Delta::NONE)?;
    let answer = redis.call(delivery, &call).await?.answer(|_| Ok(true))?;
    if answer.is_ok() {
        unlist(redis, delivery, *id, user.as_deref()).await;
    }
    Ok(answer)
}

/// Creates the successor. The session has ended, whether this succeeds or not.
async fn follow(redis: &Redis, delivery: &Delivery, new: &NewSession, carried: Contents) -> Option<Record> {
    let changes = carried.iter().map(|(name, stored)| (name.to_owned(), Some(stored.to_vec()))).collect();
    match create_within(redis, &mut delivery.next(), new, &Delta { clear: false, changes }).await {
        // Read again: after a repeat, it may have changed or ended.
        Ok(Ok(_)) => match load_within(redis, &delivery.budget, new.id).await {
            Ok(Loaded::Live(record)) => Some(*record),
            Ok(_) => None,
            Err(error) => lost(&error),
        },
        Ok(Err(refused)) => lost(&refused),
        Err(error) => lost(&error),
    }
}

fn lost(why: &dyn std::fmt::Debug) -> Option<Record> {
    rarely!(warn, ?why, "session ended during resharding, but its successor could not be created");
    None
}

/// Removes an ended session from the indexes. Its id is never live again, so these calls may run at any time.
async fn unlist(redis: &Redis, delivery: &Delivery, id: SessionId, user: Option<&str>) {
    let mut entries = vec![(redis.keys.deadlines(id.bucket()), id.as_bytes().to_vec())];
    entries.extend(user.map(|user| (redis.keys.index(&UserHash::of(user)), member(id).to_vec())));
    for (key, entry) in entries {
        let mut removal = cmd("ZREM");
        removal.arg(&key).arg(entry);
        let removed = redis.client.read_one(delivery.path, &delivery.budget, &key, &removal).await;
        if let Err(error) = removed.map_err(Error::from) {
            tracing::debug!(%error, "ended session left in an index: the next reader removes it");
        }
    }
}
