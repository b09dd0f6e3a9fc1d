//! A login across slots: no single script can use both sessions, so it runs in several scripts.
//!
//! *Park*: stores the new session, with the carried fields, in the user's slot, not yet live. *Leave*: ends the old
//! session and returns what was saved to it meanwhile. *Activate*: logs the parked session in. If interrupted before
//! the second script, nothing has happened; after it, the visitor logs in again, as after any login whose reply is
//! lost.
//!
//! Each script is an operation of its own, with an id derived from the login's. So a repeat of the login repeats its
//! scripts.

use redis::{cmd, pipe};

use crate::error::Error;
use crate::fields::Delta;
use crate::identity::id::UserHash;
use crate::store::redis::Redis;
use crate::store::redis::client::{Budget, Frame, Path};
use crate::store::redis::layout::meta::tail;
use crate::store::redis::layout::new_fields::NewFields;
use crate::store::redis::ops::load::{exactly, fields, load_within, record};
use crate::store::redis::ops::login::with_room;
use crate::store::redis::script::call::{Delivery, ScriptCall};
use crate::store::redis::script::reply::{bytes, millis, time, unexpected};
use crate::store::redis::script::scripts;
use crate::store::{Loaded, NewLogin, Old, Op, Record, Refused, StoreResult, TICKET_LIFE_MS};

pub(crate) async fn login(redis: &Redis, op: Op, login: &NewLogin, old: &Old) -> StoreResult<Record> {
    let cross_slot = CrossSlotLogin::new(redis, op, login, old);
    let Some(seen) = cross_slot.look().await? else { return cross_slot.again().await };
    if let Err(refused) = cross_slot.park(&cross_slot.carried(&seen)).await? {
        return Ok(Err(refused));
    }
    let left = cross_slot.leave(seen.meta.version).await;
    if matches!(left, Ok(Err(_)) | Err(Error::Unavailable(_))) {
        cross_slot.forget().await;
    }
    match left? {
        Ok(carried) => cross_slot.activate(&carried).await,
        Err(refused) => Ok(Err(refused)),
    }
}

/// The scripts of one login; their ids differ in this number.
#[derive(Clone, Copy)]
enum Step {
    Leave = 0,
    Park = 1,
    Activate = 2,
}

pub(crate) struct CrossSlotLogin<'a> {
    redis: &'a Redis,
    op: Op,
    login: &'a NewLogin,
    old: &'a Old,
    user: &'a str,
    hash: UserHash,
    budget: Budget,
}

impl<'a> CrossSlotLogin<'a> {
    pub(crate) fn new(redis: &'a Redis, op: Op, login: &'a NewLogin, old: &'a Old) -> Self {
        let user = login.new.user.as_deref().unwrap_or_default();
        Self { redis, op, login, old, user, hash: UserHash::of(user), budget: redis.client.budget() }
    }

    /// The old session, if this login may end it. Otherwise this login may already have ended it.
    pub(crate) async fn look(&self) -> Result<Option<Record>, Error> {
        Ok(match load_within(self.redis, &self.budget, self.old.id).await? {
            Loaded::Live(record) if record.meta.generation == self.old.generation => Some(*record),
            Loaded::Live(_) | Loaded::Ended(_) | Loaded::Absent => None,
        })
    }

    /// The fields to carry over, with the pending changes applied.
    pub(crate) fn carried(&self, seen: &Record) -> Delta {
        let carried = NewFields::carried(self.login, Some(&seen.fields)).to_contents();
        Delta {
            clear: false,
            changes: carried.iter().map(|(name, stored)| (name.to_owned(), Some(stored.to_vec()))).collect(),
        }
    }

    /// The old session is not available: that is the result, unless this login has ended it.
    async fn again(&self) -> StoreResult<Record> {
        match self.leave(0).await? {
            Ok(carried) => self.activate(&carried).await,
            Err(refused) => Ok(Err(self.first_refusal().await?.unwrap_or(refused))),
        }
    }

    pub(crate) async fn park(&self, carried: &Delta) -> StoreResult<()> {
        let NewLogin { new, gate, .. } = self.login;
        let (keys, limits) = (&self.redis.keys, &self.redis.settings.limits);
        let build = |members: &[_]| {
            let mut named = vec![keys.session(new.id), keys.index(&self.hash), keys.epoch(&self.hash)];
            named.extend(members.iter().map(|id| keys.session(*id)));
            ScriptCall::new(&scripts::PARK, named)
                .fresh(new, tail(Some(self.user), &new.client, new.remember))
                .gate(gate)
                .number(limits.fields)
                .number(limits.session_bytes)
                .members(members)
                .delta(carried)
        };
        let reply = with_room(self.redis, &mut self.step(Step::Park), &self.hash, Vec::new(), build).await?;
        reply.answer(|_| Ok(()))
    }

    /// The replacement of the parked fields; empty if they are still current.
    pub(crate) async fn leave(&self, version: u32) -> StoreResult<Delta> {
        let limits = &self.redis.settings.limits;
        let call = ScriptCall::new(&scripts::LEAVE, self.redis.places(self.old.id, self.old.user.as_deref()))
            .bytes(&self.old.id.as_bytes()[..])
            .number(self.old.generation)
            .number(version)
            .number(self.redis.settings.remember_ms)
            .number(limits.fields)
            .number(limits.session_bytes)
            .bytes(&self.login.new.id.as_bytes()[..])
            .number(self.login.door_ms)
            .names(&self.login.keep)
            .delta(&self.login.delta)?;
        self.redis.call(&mut self.step(Step::Leave), &call).await?.answer_in_place(replacing)
    }

    pub(crate) async fn activate(&self, carried: &Delta) -> StoreResult<Record> {
        let NewLogin { new, gate, .. } = self.login;
        let keys = &self.redis.keys;
        let build = |members: &[_]| {
            let mut named = self.redis.places(new.id, Some(self.user));
            named.push(keys.epoch(&self.hash));
            named.extend(members.iter().map(|id| keys.session(*id)));
            ScriptCall::new(&scripts::ACTIVATE, named)
                .bytes(&new.id.as_bytes()[..])
                .number(self.redis.settings.remember_ms)
                .gate(gate)
                .members(members)
                .delta(carried)
        };
        let reply = with_room(self.redis, &mut self.step(Step::Activate), &self.hash, Vec::new(), build).await?;
        record(self.redis, reply)
    }

    /// The operation of one script. The masters' clocks differ, so it has the login's remaining time, not the same
    /// not-after.
    fn step(&self, step: Step) -> Delivery {
        let id = if matches!(step, Step::Leave) { self.old.id } else { self.login.new.id };
        let client = &self.redis.client;
        let life = self.op.not_after.saturating_sub(client.now());
        let mut op = Op { not_after: client.now_at(&self.redis.keys.session(id)) + life, ..self.op };
        op.id[7] ^= step as u8;
        self.redis.delivery_within(op, self.budget)
    }

    /// Removes the parked session. Its id belongs to this login alone, and no later call needs it. Without this it
    /// expires in five minutes.
    pub(crate) async fn forget(&self) {
        let key = self.redis.keys.session(self.login.new.id);
        let mut unlink = cmd("UNLINK");
        unlink.arg(&key);
        let _five_minutes_more = self.redis.client.read_one(Path::Request, &self.budget, &key, &unlink).await;
    }

    /// The refusals of a login that precede those of the old session.
    async fn first_refusal(&self) -> Result<Option<Refused>, Error> {
        let keys = &self.redis.keys;
        let (key, epoch) = (keys.session(self.login.new.id), keys.epoch(&self.hash));
        let mut reads = pipe();
        reads.cmd("EXISTS").arg(&key).cmd("TIME").cmd("GET").arg(epoch);
        let [taken, now, epoch] = exactly(self.redis.client.read(Path::Request, &self.budget, &key, &reads).await?)?;
        let now = time(&now)?;
        let void = self.login.gate.ticket.is_some_and(|ticket| {
            let epoch = millis(&epoch).ok();
            now > ticket.taken + TICKET_LIFE_MS || (epoch.is_some() && epoch != ticket.epoch)
        });
        Ok(if millis(&taken)? > 0 { Some(Refused::Exists) } else { void.then_some(Refused::TicketVoid) })
    }
}

/// The reply of `lua/leave.lua`: whether anything changed, and if so the fields to carry.
fn replacing(answer: Frame) -> Result<Delta, Error> {
    let (changed, carried) = answer.pair().ok_or_else(unexpected)?;
    let carried = fields(carried)?;
    let carried = carried.iter().map(|(name, stored)| (name.to_owned(), Some(stored.to_vec())));
    Ok(match bytes(&changed)? {
        b"0" => Delta::default(),
        _ => Delta { clear: true, changes: carried.collect() },
    })
}
