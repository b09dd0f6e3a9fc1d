//! Login and re-authentication; at the cap, calls name the index's members.

use redis::cmd;

use crate::config::{AtCap, Cap};
use crate::error::{Error, Outage};
use crate::identity::id::{SessionId, UserHash};
use crate::store::redis::Redis;
use crate::store::redis::layout::keys::{KeyBytes, named};
use crate::store::redis::layout::meta::{owner, tail};
use crate::store::redis::ops::admit::{Admitted, admit};
use crate::store::redis::ops::load::record;
use crate::store::redis::ops::login_cross_slot;
use crate::store::redis::script::call::{Delivery, ScriptCall};
use crate::store::redis::script::reply::{Code, Reply, bytes, items};
use crate::store::redis::script::scripts;
use crate::store::{BATCH, Gate, NewLogin, Old, Op, Reauthenticate, Record, StoreResult, TICKET_LIFE_MS, Ticket};

/// Limit of rereads of the members because of concurrent logins; the budget ends long before.
const ROUNDS: usize = 1000;

impl Redis {
    pub(crate) async fn login(&self, op: Op, login: &NewLogin) -> StoreResult<Record> {
        if let Some(old) = login.old.as_ref().filter(|old| self.parts(old.id, login.new.id)) {
            return login_cross_slot::login(self, op, login, old).await;
        }
        let user = login.new.user.as_deref().unwrap_or_default();
        let hash = UserHash::of(user);
        let mut delivery = self.delivery(op);
        let members = match admit(self, &mut delivery, login, &hash).await? {
            Admitted::In(record) => return Ok(Ok(*record)),
            Admitted::Perhaps => Vec::new(),
            Admitted::AtCap => earliest(self, &delivery, &hash).await?,
        };
        let build = |members: &[SessionId]| {
            let mut keys = vec![self.keys.session(login.new.id), self.keys.deadlines(login.new.id.bucket())];
            keys.extend([self.keys.index(&hash), self.keys.epoch(&hash)]);
            keys.extend(old_places(self, login));
            keys.extend(members.iter().map(|id| self.keys.session(*id)));
            let call = ScriptCall::new(&scripts::LOGIN, keys)
                .bytes(&login.new.id.as_bytes()[..])
                .fresh(&login.new, tail(Some(user), &login.new.client, login.new.remember));
            old_named(call, login.old.as_ref())
                .number(self.settings.remember_ms)
                .gate(&login.gate)
                .number(self.settings.limits.fields)
                .number(self.settings.limits.session_bytes)
                .number(login.door_ms)
                .members(members)
                .names(&login.keep)
                .delta(&login.delta)
        };
        let reply = with_room(self, &mut delivery, &hash, members, build).await?;
        record(self, reply)
    }
}

/// The old session's three keys; without one, placeholders from the call's other keys.
fn old_places(redis: &Redis, login: &NewLogin) -> Vec<KeyBytes> {
    match &login.old {
        Some(old) => redis.places(old.id, old.user.as_deref()),
        None => redis.places(login.new.id, None),
    }
}

fn old_named<'a>(call: ScriptCall<'a>, old: Option<&'a Old>) -> ScriptCall<'a> {
    match old {
        Some(old) => call.bytes(&old.id.as_bytes()[..]).number(old.generation),
        None => call.nothing().nothing(),
    }
}

impl Redis {
    pub(crate) async fn reauthenticate(&self, op: Op, again: &Reauthenticate) -> StoreResult<Record> {
        let hash = UserHash::of(&again.user);
        let build = |members: &[SessionId]| {
            let mut keys = self.places(again.id, Some(&again.user));
            keys.push(self.keys.epoch(&hash));
            keys.extend(members.iter().map(|id| self.keys.session(*id)));
            ScriptCall::new(&scripts::REAUTHENTICATE, keys)
                .bytes(&again.id.as_bytes()[..])
                .number(again.generation)
                .bytes(&again.secret.0[..])
                .lifetimes(&again.lifetimes)
                .bytes(tail(Some(&again.user), &again.client, again.remember))
                .bytes(owner(&again.user))
                .number(self.settings.remember_ms)
                .gate(&again.gate)
                .number(self.settings.limits.fields)
                .number(self.settings.limits.session_bytes)
                .members(members)
                .delta(&again.delta)
        };
        let reply = with_room(self, &mut self.delivery(op), &hash, Vec::new(), build).await?;
        record(self, reply)
    }
}

impl ScriptCall<'_> {
    /// Cap, policy and ticket.
    pub(crate) fn gate(self, gate: &Gate) -> Self {
        let Cap { most, policy } = gate.cap;
        let policy: &[u8] = match policy {
            AtCap::Reject => b"reject",
            AtCap::EvictEarliest => b"evict",
        };
        self.number(most).bytes(policy.to_vec()).ticket(gate.ticket)
    }

    /// The end of a ticket's validity, and its epoch.
    pub(crate) fn ticket(self, ticket: Option<Ticket>) -> Self {
        self.maybe(ticket.map(|ticket| ticket.taken + TICKET_LIFE_MS)).maybe(ticket.and_then(|ticket| ticket.epoch))
    }
}

/// Calls with these members, usually none. If the script asks for them, reads them and calls again under the same
/// operation.
pub(crate) async fn with_room<'a>(
    redis: &Redis,
    delivery: &mut Delivery,
    user: &UserHash,
    mut members: Vec<SessionId>,
    build: impl Fn(&[SessionId]) -> Result<ScriptCall<'a>, Error>,
) -> Result<Reply, Error> {
    for _ in 0..ROUNDS {
        let reply = redis.call(delivery, &build(&members)?).await?;
        if reply.code != Code::NameMembers {
            return Ok(reply);
        }
        members = earliest(redis, delivery, user).await?;
    }
    Err(Error::Unavailable(Outage::new("too many logins of one user at once")))
}

/// The earliest logins in the user's index, as many as one call may name.
async fn earliest(redis: &Redis, delivery: &Delivery, user: &UserHash) -> Result<Vec<SessionId>, Error> {
    let key = redis.keys.index(user);
    let mut read = cmd("ZRANGE");
    read.arg(&key).arg(0).arg(BATCH - 1);
    let members = redis.client.read_one(delivery.path, &delivery.budget, &key, &read).await;
    let members = items(members.map_err(|error| delivery.error(error))?)?;
    let ids = members.iter().map(|member| bytes(member).map(named)).collect::<Result<Vec<_>, _>>()?;
    Ok(ids.into_iter().flatten().filter(|id| id.bucket() == user.bucket()).collect())
}
