//! A new session. All that the script stores is computed here, but for the time.

use crate::fields::Delta;
use crate::store::redis::Redis;
use crate::store::redis::layout::meta::{Begun, stay_ms};
use crate::store::redis::layout::new_fields::NewFields;
use crate::store::redis::script::call::{Delivery, ScriptCall};
use crate::store::redis::script::reply::millis;
use crate::store::redis::script::scripts;
use crate::store::{Etag, Meta, NewSession, Op, Record, StoreResult};

impl Redis {
    /// Creates a guest session. A user's is created only by a login, which adds it to the user's index.
    pub(crate) async fn create(&self, op: Op, new: &NewSession, delta: &Delta) -> StoreResult<Record> {
        create_within(self, &mut self.delivery(op), new, delta).await
    }
}

/// The same as part of an operation with several calls.
pub(crate) async fn create_within(
    redis: &Redis,
    delivery: &mut Delivery,
    new: &NewSession,
    delta: &Delta,
) -> StoreResult<Record> {
    let fields = NewFields::of(delta)?;
    let refusal = fields.excess(&redis.settings.limits).map(|code| code as u8);
    let begun = |op| Begun::new(op, new, None, fields.bytes() as u32);
    let reply =
        redis.call_naming(delivery, |op| Ok(fields.lay_out(create_call(redis, new, &begun(op), refusal)))).await?;
    if new.grace_ms > 0 {
        redis.note_grace();
    }
    let op = delivery.first();
    reply.answer(|created| {
        let created = millis(&created)?;
        let etag = op.map(|op| Etag(begun(op).at(created, 0)));
        Ok(Record { meta: Meta::first(new, created), etag, fields: fields.to_contents() })
    })
}

fn create_call<'a>(redis: &Redis, new: &NewSession, begun: &Begun, refusal: Option<u8>) -> ScriptCall<'a> {
    let [before, after] = begun.around_times();
    ScriptCall::new(&scripts::CREATE, vec![redis.keys.session(new.id), redis.keys.deadlines(new.id.bucket())])
        .bytes(new.id.as_bytes().to_vec())
        .bytes(before.to_vec())
        .bytes(after.to_vec())
        .number(new.lifetimes.life_ms(0, 0))
        .number(stay_ms(new))
        .maybe(refusal)
}
