//! A user's sessions: ticket, list, revoke.

use std::sync::Arc;
use std::time::Instant;

use redis::{Value, cmd, pipe};

use crate::config::timeouts::NO_END_MS;
use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::{SessionId, UserHash};
use crate::store::redis::Redis;
use crate::store::redis::client::{Budget, Path};
use crate::store::redis::layout::keys::named;
use crate::store::redis::layout::meta::owner;
use crate::store::redis::ops::load::{IndexedState, exactly, look};
use crate::store::redis::ops::resharding::{EndByKey, end_by_key};
use crate::store::redis::script::call::{Delivery, ScriptCall};
use crate::store::redis::script::reply::{millis, scored, time};
use crate::store::redis::script::scripts;
use crate::store::{BATCH, ENDS, EPOCH_LIFE_MS, Meta, Refused, Replicas, Scope, StoreResult, Ticket};
use crate::util::clock::Millis;

impl Redis {
    pub(crate) async fn ticket(&self, user: &str) -> Result<Ticket, Error> {
        let key = self.keys.epoch(&UserHash::of(user));
        let mut reads = pipe();
        reads.cmd("TIME").cmd("GET").arg(&key);
        let [now, epoch] = exactly(self.client.read(Path::Request, &self.client.budget(), &key, &reads).await?)?;
        Ok(Ticket { epoch: stored_epoch(&epoch)?, taken: time(&now)? })
    }
}

fn stored_epoch(epoch: &Value) -> Result<Option<Millis>, Error> {
    match epoch {
        Value::Nil => Ok(None),
        text => millis(text).map(Some),
    }
}

impl Redis {
    /// Dead members found are removed from the index, by a script that names them.
    pub(crate) async fn list(&self, user: &str) -> Result<Vec<(SessionId, Meta)>, Error> {
        let user = UserOp::new(self, user);
        let members: Vec<SessionId> = user.members().await?.into_iter().map(|(id, _)| id).collect();
        let mut live = Vec::new();
        for ids in members.chunks(BATCH) {
            let found = look(self, Path::Request, &user.budget, ids).await?;
            let mut dead = Vec::new();
            for (id, found) in ids.iter().zip(found) {
                match found {
                    IndexedState::Live(meta) if meta.user.as_deref() == Some(user.id) => live.push((*id, *meta)),
                    IndexedState::Absent | IndexedState::Dead(_) => dead.push(*id),
                    IndexedState::Live(_) | IndexedState::Foreign => {}
                }
            }
            let _none = user.end(&dead, Ending::of(EndReason::Expired)).await?;
        }
        Ok(live)
    }

    pub(crate) async fn revoke(&self, user: &str, scope: Scope, reason: EndReason) -> StoreResult<u64> {
        self.revoke_with(user, scope, reason, None).await
    }

    pub(crate) async fn revoke_on(
        &self,
        user: &str,
        scope: Scope,
        reason: EndReason,
        replicas: &Arc<Replicas>,
    ) -> StoreResult<u64> {
        self.revoke_with(user, scope, reason, Some(replicas)).await
    }

    /// `All` and `Others` raise the epoch, then end every member not later, until a pass ends none. Later logins are later
    /// than the epoch, so no pass is needed for them.
    pub(crate) async fn revoke_with(
        &self,
        user: &str,
        scope: Scope,
        reason: EndReason,
        replicas: Option<&Arc<Replicas>>,
    ) -> StoreResult<u64> {
        let user = UserOp { replicas, ..UserOp::new(self, user) };
        if let Scope::One(id) | Scope::Others(id) = scope
            && id.bucket() != user.hash.bucket()
        {
            return Ok(Err(Refused::Gone(None)));
        }
        let staying = match scope {
            Scope::One(id) => {
                let ended = user.end(&[id], Ending { latest: Some(NO_END_MS), ..Ending::of(reason) }).await?;
                if ended == Ok(1) {
                    self.note_end(id, Some(user.id), reason);
                }
                return Ok(ended.and_then(|ended| if ended == 0 { Err(Refused::Gone(None)) } else { Ok(ended) }));
            }
            Scope::Others(id) => Some(id),
            Scope::All => None,
        };
        // Not waited for: replicas that have the ends have the epoch before them too.
        let raised = UserOp { replicas: None, ..user }.raise(staying).await?;
        let epoch = match raised {
            Ok(epoch) => epoch,
            Err(refused) => return Ok(Err(refused)),
        };
        self.note_epoch(user.id, epoch, staying, reason);
        let ended = user.passes(Ending { latest: Some(epoch), staying, spared: staying, ..Ending::of(reason) }).await?;
        if replicas.is_some() && ended == Ok(0) {
            // No end was written that could be waited for.
            if let Err(refused) = user.raise_to(epoch + 1).await? {
                return Ok(Err(refused));
            }
        }
        Ok(ended)
    }
}

/// How to end a user's sessions.
#[derive(Clone, Copy)]
struct Ending {
    reason: EndReason,
    /// Only logins not later than this; if `None`, only dead members are removed.
    latest: Option<Millis>,
    /// Nothing is ended unless this session is a live one of the user.
    staying: Option<SessionId>,
    /// This session is not ended.
    spared: Option<SessionId>,
}

impl Ending {
    /// Only removes dead members.
    const fn of(reason: EndReason) -> Self {
        Self { reason, latest: None, staying: None, spared: None }
    }
}

/// Repeats the ends up to this epoch, after a failover that may have undone them.
pub(crate) async fn revoke_again(
    redis: &Redis,
    user: &str,
    epoch: Millis,
    spared: Option<SessionId>,
    reason: EndReason,
) -> StoreResult<u64> {
    let user = UserOp::new(redis, user);
    match user.raise_to(epoch).await? {
        Ok(_) => user.passes(Ending { latest: Some(epoch), spared, ..Ending::of(reason) }).await,
        Err(refused) => Ok(Err(refused)),
    }
}

/// A user in one operation.
#[derive(Clone, Copy)]
struct UserOp<'a> {
    redis: &'a Redis,
    id: &'a str,
    hash: UserHash,
    budget: Budget,
    replicas: Option<&'a Arc<Replicas>>,
}

impl<'a> UserOp<'a> {
    fn new(redis: &'a Redis, id: &'a str) -> Self {
        Self { redis, id, hash: UserHash::of(id), budget: redis.client.budget(), replicas: None }
    }

    fn step(&self, key: &[u8]) -> Result<Delivery, Error> {
        Ok(self.redis.step(Path::Request, self.budget, key)?.on(self.replicas))
    }

    /// The index's members, earliest login first, with their login times.
    async fn members(&self) -> Result<Vec<(SessionId, Millis)>, Error> {
        let key = self.redis.keys.index(&self.hash);
        let mut read = cmd("ZRANGE");
        read.arg(&key).arg(0).arg(-1).arg("WITHSCORES");
        let all = scored(self.redis.client.read_one(Path::Request, &self.budget, &key, &read).await?)?;
        let ids = all.into_iter().filter_map(|(member, login)| Some((named(&member)?, login)));
        Ok(ids.filter(|(id, _)| id.bucket() == self.hash.bucket()).collect())
    }

    /// Raises the epoch to the maximum of now, the latest login and the old epoch + 1, and returns it. Now and the old
    /// epoch are read first, so that a repeat finds it raised; the script reads the latest login.
    async fn raise(&self, staying: Option<SessionId>) -> StoreResult<Millis> {
        let keys = &self.redis.keys;
        let key = keys.epoch(&self.hash);
        let mut reads = pipe();
        reads.cmd("TIME").cmd("GET").arg(&key);
        let [now, old] = exactly(self.redis.client.read(Path::Request, &self.budget, &key, &reads).await?)?;
        let least = time(&now)?.max(stored_epoch(&old)?.map_or(0, |old| old + 1));
        let stays = staying.map_or_else(|| key.clone(), |id| keys.session(id));
        let call = ScriptCall::new(&scripts::RAISE, vec![key, keys.index(&self.hash), stays])
            .number(least)
            .number(EPOCH_LIFE_MS)
            .bytes(staying.map_or_else(Vec::new, |_| owner(self.id)));
        let mut delivery = self.step(&call.keys[0])?;
        match self.redis.call_if_whole(&mut delivery, &call).await? {
            Some(reply) => reply.answer(|epoch| millis(&epoch)),
            None => self.raise_alone(least, staying).await.map_err(|error| delivery.error(error)),
        }
    }

    /// The same while the slot moves: the latest login is read beforehand. A login in between is included too, since
    /// the epoch is ahead by all the time that this operation may take.
    async fn raise_alone(&self, least: Millis, staying: Option<SessionId>) -> StoreResult<Millis> {
        if !self.stays(staying).await? {
            return Ok(Err(Refused::Gone(None)));
        }
        let latest = self.members().await?.last().map_or(0, |(_, login)| *login);
        let epoch = least.max(latest) + self.budget.left_ms();
        self.raise_to(epoch).await
    }

    /// Raises the epoch to exactly this value if it is lower; returns the current one.
    async fn raise_to(&self, epoch: Millis) -> StoreResult<Millis> {
        let key = self.redis.keys.epoch(&self.hash);
        let call = ScriptCall::new(&scripts::RAISE, vec![key.clone(), key.clone(), key])
            .number(epoch)
            .number(EPOCH_LIFE_MS)
            .nothing();
        let mut delivery = self.step(&call.keys[0])?;
        self.redis.call(&mut delivery, &call).await?.answer(|epoch| millis(&epoch))
    }

    async fn passes(mut self, ending: Ending) -> StoreResult<u64> {
        // One call ends all: of several, only the last could wait for the replicas of all.
        let at_once = if self.replicas.is_some() { BATCH } else { ENDS };
        let mut ended = 0;
        loop {
            let all = self.members().await?.into_iter();
            let caught = all.filter(|(id, login)| Some(*login) <= ending.latest && Some(*id) != ending.spared);
            let mut now = 0;
            for ids in caught.map(|(id, _)| id).collect::<Vec<_>>().chunks(at_once) {
                let begun = Instant::now();
                match self.end(ids, ending).await? {
                    Ok(count) => now += count,
                    Err(refused) => return Ok(Err(refused)),
                }
                if self.replicas.is_some() {
                    self.budget = self.budget.longer(begun.elapsed());
                }
            }
            ended += now;
            if now == 0 {
                return Ok(Ok(ended));
            }
        }
    }

    /// Ends those of the sessions that are the user's and in scope; returns their number.
    async fn end(&self, ids: &[SessionId], ending: Ending) -> StoreResult<u64> {
        if ids.is_empty() {
            return Ok(Ok(0));
        }
        let keys = &self.redis.keys;
        let (index, deadlines) = (keys.index(&self.hash), keys.deadlines(self.hash.bucket()));
        let staying = ending.staying.map_or_else(|| deadlines.clone(), |id| keys.session(id));
        let mut named = vec![deadlines, staying];
        named.extend(ids.iter().flat_map(|id| [keys.session(*id), index.clone()]));
        let call = ScriptCall::new(&scripts::REVOKE, named)
            .number(ending.reason.code())
            .number(self.redis.settings.remember_ms)
            .number(ending.latest.map_or(-1, |latest| latest as i64))
            .bytes(owner(self.id))
            .members(ids);
        let mut delivery = self.step(&call.keys[0])?;
        match self.redis.call_if_whole(&mut delivery, &call).await? {
            Some(reply) => reply.answer(|ended| millis(&ended)),
            None => self.end_each(ids, ending).await.map_err(|error| delivery.error(error)),
        }
    }

    /// The same while the slot moves: one session per call. Dead members are left for another time.
    async fn end_each(&self, ids: &[SessionId], ending: Ending) -> StoreResult<u64> {
        if !self.stays(ending.staying).await? {
            return Ok(Err(Refused::Gone(None)));
        }
        let Some(latest) = ending.latest else { return Ok(Ok(0)) };
        let members = self.members().await?;
        let mut ended = 0;
        for id in ids {
            let listed = members.iter().any(|(member, _)| member == id);
            let how = EndByKey { reason: ending.reason, latest: Some(latest), owner: owner(self.id), listed };
            let mut delivery = self.step(&self.redis.keys.session(*id))?;
            ended += u64::from(end_by_key(self.redis, &mut delivery, *id, Some(self.id), &how).await?);
        }
        Ok(Ok(ended))
    }

    /// Whether the session that has to stay, if any, is a live one of the user.
    async fn stays(&self, staying: Option<SessionId>) -> Result<bool, Error> {
        let Some(id) = staying else { return Ok(true) };
        let found = look(self.redis, Path::Request, &self.budget, &[id]).await?;
        Ok(matches!(&found[..], [IndexedState::Live(meta)] if meta.user.as_deref() == Some(self.id)))
    }
}
