//! A new session: what the script stores is worked out here, but for the time.

use crate::fields::Delta;
use crate::store::redis::Redis;
use crate::store::redis::layout::meta::{Begun, stay_ms};
use crate::store::redis::layout::new_fields::NewFields;
use crate::store::redis::script::call::{Call, Delivery};
use crate::store::redis::script::reply::millis;
use crate::store::redis::script::scripts;
use crate::store::{Answer, Meta, NewSession, Op, Packed, Record};

/// A guest's session: a login alone makes a user's, and enters it in the user's index.
pub(crate) async fn create(redis: &Redis, op: Op, new: &NewSession, delta: &Delta) -> Answer<Record> {
    create_within(redis, &mut redis.delivery(op), new, delta).await
}

/// The same as one of several steps.
pub(crate) async fn create_within(
    redis: &Redis,
    delivery: &mut Delivery,
    new: &NewSession,
    delta: &Delta,
) -> Answer<Record> {
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
        let packed = Packed(op.map(|op| begun(op).at(created, 0)));
        Ok(Record { meta: Meta { packed, ..Meta::first(new, created) }, fields: fields.to_contents() })
    })
}

fn create_call<'a>(redis: &Redis, new: &NewSession, begun: &Begun, refusal: Option<u8>) -> Call<'a> {
    let [before, after] = begun.around_times();
    Call::new(&scripts::CREATE, vec![redis.keys.session(new.id), redis.keys.deadlines(new.id.bucket())])
        .bytes(new.id.as_bytes().to_vec())
        .bytes(before.to_vec())
        .bytes(after.to_vec())
        .number(new.spans.life_ms(0, 0))
        .number(stay_ms(new))
        .maybe(refusal)
}
