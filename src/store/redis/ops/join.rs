//! A login that joins the session of another login.

use std::time::Duration;

use tokio::time::sleep;

use crate::error::Error;
use crate::identity::id::UserHash;
use crate::store::redis::Redis;
use crate::store::redis::layout::meta::{owner, whose};
use crate::store::redis::ops::load::record;
use crate::store::redis::script::call::ScriptCall;
use crate::store::redis::script::reply::Code;
use crate::store::redis::script::scripts;
use crate::store::{Join, Op, Record, Refused, StoreResult};

/// Waits between checks of a session that is still parked, in milliseconds: 2 seconds in all. A login across slots
/// needs a few more round trips from there; a longer one has mostly been abandoned.
const WAITS_MS: [u64; 9] = [10, 20, 40, 80, 160, 320, 450, 460, 460];

impl Redis {
    pub(crate) async fn join(&self, op: Op, join: &Join) -> StoreResult<Record> {
        let call = join_call(self, join)?;
        let mut delivery = self.delivery(op);
        let mut waits_ms = WAITS_MS.into_iter();
        loop {
            let reply = self.call(&mut delivery, &call).await?;
            if reply.code != Code::MovedOn {
                return record(self, reply);
            }
            let Some(wait_ms) = waits_ms.next() else { return Ok(Err(Refused::NotJoined)) };
            sleep(Duration::from_millis(wait_ms)).await;
            delivery.budget = self.client.budget();
        }
    }
}

/// `reauthenticate` without a generation; it then needs no timeouts, cap or tombstone lifetime either.
fn join_call<'a>(redis: &Redis, join: &'a Join) -> Result<ScriptCall<'a>, Error> {
    let mut keys = redis.places(join.id, Some(&join.user));
    keys.push(redis.keys.epoch(&UserHash::of(&join.user)));
    let nothing = |call: ScriptCall<'a>, count: usize| (0..count).fold(call, |call, _| call.nothing());
    let call = ScriptCall::new(&scripts::REAUTHENTICATE, keys).bytes(&join.id.as_bytes()[..]).nothing();
    let call = nothing(call.bytes(&join.secret.0[..]), 3);
    let call = call.bytes(whose(Some(&join.user), &join.client)).bytes(owner(&join.user));
    nothing(call, 3)
        .ticket(join.ticket)
        .number(redis.settings.limits.fields)
        .number(redis.settings.limits.session_bytes)
        .members(&[])
        .delta(&join.delta)
}
