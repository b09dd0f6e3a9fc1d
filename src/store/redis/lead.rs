//! Where a door leads, and how long it stays.

use redis::{Value, cmd};

use crate::error::Error;
use crate::id::SessionId;
use crate::store::redis::Redis;
use crate::store::redis::call::Call;
use crate::store::redis::meta::{self, Stored};
use crate::store::redis::scripts;
use crate::store::redis::wire::Path;
use crate::store::{Answer, Lead, Op};

pub(super) async fn lead(redis: &Redis, op: Op, lead: &Lead) -> Answer<()> {
    let call = Call::new(&scripts::LEAD, vec![redis.keys.session(lead.door)])
        .bytes(&lead.from.as_bytes()[..])
        .bytes(&lead.to.as_bytes()[..])
        .number(lead.stay_ms);
    redis.call(&mut redis.delivery(op), &call).await?.answer(|_| Ok(()))
}

pub(super) async fn is_parked(redis: &Redis, id: SessionId) -> Result<bool, Error> {
    let key = redis.keys.session(id);
    let mut read = cmd("HGET");
    read.arg(&key).arg(meta::FIELD);
    let packed = redis.wire.read_one(Path::Request, &redis.wire.budget(), &key, &read).await?;
    Ok(match packed {
        Value::BulkString(packed) => meta::decode(&packed)? == Stored::Parked,
        _ => false,
    })
}
