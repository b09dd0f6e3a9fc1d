//! The common login: below the cap, over a guest session that the caller has loaded, or without one. The checks of the
//! script `login` are done here; anything uncommon is left to that script.

use crate::config::limits::check_field_name;
use crate::error::Error;
use crate::identity::id::UserHash;
use crate::store::redis::Redis;
use crate::store::redis::layout::fields::{TOGETHER, is_small};
use crate::store::redis::layout::keys::member;
use crate::store::redis::layout::meta;
use crate::store::redis::layout::meta::{Begun, Buried, stay_ms};
use crate::store::redis::layout::new_fields::NewFields;
use crate::store::redis::script::call::{Delivery, ScriptCall};
use crate::store::redis::script::reply::{Code, millis};
use crate::store::redis::script::scripts;
use crate::store::{Etag, Meta, NewLogin, Op, Record, Snapshot, TICKET_LIFE_MS};

/// The result of the attempt; unless it is `In`, `login` continues under the same operation.
pub(crate) enum Admitted {
    In(Box<Record>),
    Perhaps,
    /// Perhaps at the cap: the members have to be named.
    AtCap,
}

pub(crate) async fn admit(
    redis: &Redis,
    delivery: &mut Delivery,
    login: &NewLogin,
    user: &UserHash,
) -> Result<Admitted, Error> {
    let Some(plan) = Plan::of(redis, delivery, login) else { return Ok(Admitted::Perhaps) };
    let reply = redis.once(delivery, &plan.call(redis, user)).await?;
    match reply.code {
        Code::Ok => Ok(Admitted::In(Box::new(plan.record(redis, millis(&reply.value()?)?)))),
        Code::NameMembers => Ok(Admitted::AtCap),
        _ => Ok(Admitted::Perhaps),
    }
}

/// A login with everything but its time.
struct Plan<'a> {
    login: &'a NewLogin,
    begun: Begun,
    carried: NewFields<'a>,
    guest: Option<Guest<'a>>,
}

/// The guest session that it ends.
struct Guest<'a> {
    seen: &'a Snapshot,
    deadline: u64,
    tombstone: Buried,
}

impl<'a> Plan<'a> {
    /// `None` unless a first delivery will be accepted if nothing has changed since the load.
    fn of(redis: &Redis, delivery: &Delivery, login: &'a NewLogin) -> Option<Self> {
        let op = delivery.first()?;
        let in_time = login.gate.ticket.is_none_or(|ticket| op.not_after <= ticket.taken + TICKET_LIFE_MS);
        let legal = login.delta.changes.iter().all(|(name, _)| check_field_name(name).is_ok());
        let guest = match &login.old {
            Some(_) => Some(Guest::of(redis, op, login)?),
            None => None,
        };
        let carried = NewFields::carried(login, guest.as_ref().map(|guest| &*guest.seen.fields));
        if !in_time || !legal || login.door_ms > 0 || carried.excess(&redis.settings.limits).is_some() {
            return None;
        }
        let begun = Begun::new(op, &login.new, login.new.user.as_deref(), carried.bytes() as u32);
        Some(Self { login, begun, carried, guest })
    }

    fn call(&self, redis: &Redis, user: &UserHash) -> ScriptCall<'_> {
        let (keys, new) = (&redis.keys, &self.login.new);
        let [session, deadlines] = [keys.session(new.id), keys.deadlines(new.id.bucket())];
        let places = [session.clone(), deadlines.clone(), keys.index(user), keys.epoch(user)];
        let old = match &self.login.old {
            Some(old) => [keys.session(old.id), keys.deadlines(old.id.bucket())],
            None => [session, deadlines],
        };
        let call = ScriptCall::new(&scripts::ADMIT, [&places[..], &old[..]].concat())
            .bytes(&new.id.as_bytes()[..])
            .bytes(member(new.id).to_vec())
            .number(self.login.gate.cap.most - 1)
            .number(new.lifetimes.life_ms(0, 0))
            .number(stay_ms(new))
            .number(new.lifetimes.cover_ms());
        let call = self.begun.around_all().into_iter().fold(call, ScriptCall::bytes);
        let call = match (&self.guest, &self.login.old) {
            (Some(guest), Some(old)) => {
                guest.name(call.bytes(&old.id.as_bytes()[..])).number(redis.settings.tombstone_ms(old.id))
            }
            _ => (0..6).fold(call, |call, _| call.nothing()),
        };
        let call = self.carried.lay_out(call.number(self.carried.laid_out()));
        self.guest.iter().flat_map(Guest::hash_fields).fold(call, |call, name| call.bytes(name.as_bytes()))
    }

    /// The session that it created.
    fn record(self, redis: &Redis, now: u64) -> Record {
        let new = &self.login.new;
        if stay_ms(new) > 0 {
            redis.note_grace();
        }
        let index_until = now + new.lifetimes.cover_ms();
        let etag = Some(Etag(self.begun.at(now, index_until)));
        let meta = Meta { user: new.user.clone(), index_until, ..Meta::first(new, now) };
        Record { meta, etag, fields: self.carried.to_contents() }
    }
}

impl<'a> Guest<'a> {
    /// `None` unless the caller has loaded a live guest session, and this operation is later than its horizon.
    fn of(redis: &Redis, op: Op, login: &'a NewLogin) -> Option<Self> {
        let (old, seen) = (login.old.as_ref()?, login.seen.as_ref()?);
        let head = meta::head(&seen.etag.0)?;
        let plain = head.state == 0 && head.generation == old.generation && op.not_after > head.horizon;
        if !plain || old.user.is_some() {
            return None;
        }
        let tombstone = Buried::of(&head, &seen.etag.0, login.new.id, op, redis.client.now())?;
        Some(Self { seen, deadline: head.deadline(), tombstone })
    }

    /// Adds the loaded state and the tombstone.
    fn name<'c>(&'c self, call: ScriptCall<'c>) -> ScriptCall<'c> {
        let [before, after] = self.tombstone.around_time();
        call.bytes(&self.seen.etag.0[..]).number(self.deadline).bytes(before).bytes(after)
    }

    /// The field names of its hash, without the metadata's.
    fn hash_fields(&self) -> impl Iterator<Item = &str> {
        let fields = &self.seen.fields;
        let together = fields.iter().any(|(_, stored)| is_small(stored)).then_some(TOGETHER);
        fields.iter().filter(|(_, stored)| !is_small(stored)).map(|(name, _)| name).chain(together)
    }
}
