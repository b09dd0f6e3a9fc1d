//! Loading sessions. Fields stay in the buffer of the reply.

use redis::{Pipeline, Value, pipe};

use crate::end::EndReason;
use crate::error::Error;
use crate::fields::map::{Contents, FieldRange};
use crate::identity::id::SessionId;
use crate::store::redis::Redis;
use crate::store::redis::client::{Budget, Frame, Path, hgetall};
use crate::store::redis::layout::fields;
use crate::store::redis::layout::meta;
use crate::store::redis::layout::meta::Stored;
use crate::store::redis::script::reply::{Reply, number, time, unexpected};
use crate::store::{Etag, Loaded, Meta, Record, StoreResult};
use crate::util::boxed::boxed;
use crate::util::clock::Millis;

impl Redis {
    /// One `HGETALL`, until a session is found whose key outlives its deadline; from then on `PTTL` and `HGETALL` in one
    /// pipeline.
    ///
    /// `PTTL` comes first. In the other order, a session that expires between the two and is replaced by a tombstone, which
    /// has a long expiry, would look live.
    pub(crate) async fn load(&self, id: SessionId) -> Result<Loaded, Error> {
        load_within(self, &self.client.budget(), id).await
    }
}

/// The same as part of an operation with several calls.
pub(crate) async fn load_within(redis: &Redis, budget: &Budget, id: SessionId) -> Result<Loaded, Error> {
    let key = redis.keys.session(id);
    if !redis.needs_pttl() {
        let hash = redis.client.read_hash(budget, &key).await?;
        let Some((stored, etag, fields)) = unpack(hash)? else { return Ok(Loaded::Absent) };
        if stored.stays_ms() == 0 {
            return Ok(told(stored, etag, fields, 0));
        }
        redis.note_grace();
    }
    boxed(load_lasting(redis, budget, &key)).await
}

/// The same for a session whose key may outlive its deadline.
async fn load_lasting(redis: &Redis, budget: &Budget, key: &[u8]) -> Result<Loaded, Error> {
    let (left, hash) = redis.client.read_lasting(budget, key).await?;
    read(left, hash)
}

impl Redis {
    /// `TIME`, `PTTL` and `HGETALL` in one pipeline, in this order.
    pub(crate) async fn load_timed(&self, id: SessionId) -> Result<(Loaded, Millis), Error> {
        let key = self.keys.session(id);
        let mut reads = pipe();
        reads.cmd("TIME").cmd("PTTL").arg(&key).add_command(hgetall(&key));
        let answers = self.client.read(Path::Request, &self.client.budget(), &key, &reads).await?;
        let [now, left, answer] = exactly(answers)?;
        Ok((read(left, Frame::of(&answer))?, time(&now)?))
    }
}

/// The replies, if there are exactly this many.
pub(crate) fn exactly<const N: usize>(answers: Vec<Value>) -> Result<[Value; N], Error> {
    answers.try_into().map_err(|_| unexpected())
}

fn read(left: Value, hash: Frame) -> Result<Loaded, Error> {
    let left = number(&left)?;
    Ok(unpack(hash)?.map_or(Loaded::Absent, |(stored, etag, fields)| told(stored, etag, fields, left)))
}

/// The result of a load, by the key's remaining milliseconds. A session is live while they exceed the time that its key
/// is kept after the deadline. Then it has expired, for its grace; after that the key only serves late repeats.
pub(crate) fn told(stored: Stored, etag: Option<Etag>, fields: Contents, left_ms: i64) -> Loaded {
    let stays = stored.stays_ms();
    match stored {
        Stored::Ended(tombstone) => Loaded::Ended(tombstone),
        Stored::Parked => Loaded::Absent,
        Stored::Session { meta, .. } if stays == 0 || left_ms >= stays as i64 => {
            Loaded::Live(Box::new(Record { meta: *meta, etag, fields }))
        }
        Stored::Session { keep_ms, .. } if left_ms < i64::from(keep_ms) => Loaded::Absent,
        Stored::Session { meta, .. } => Loaded::Ended(meta.tombstone(EndReason::Expired)),
    }
}

const DAMAGED: Error = Error::Unreadable("its fields are damaged");

/// A hash's metadata and fields; `None` if there is no hash.
///
/// Without the etag, which a swap needs, if a field is stored elsewhere than a swap would store it.
pub(crate) fn unpack(hash: Frame) -> Result<Option<(Stored, Option<Etag>, Contents)>, Error> {
    let (mut stored, mut astray) = (None, false);
    let mut places = Vec::with_capacity(8);
    for pair in hash.pairs() {
        let (name, value) = pair.ok_or_else(unexpected)?;
        match &hash.bytes()[name.clone()] {
            name if name == meta::FIELD.as_bytes() => stored = Some(value),
            name if name == fields::TOGETHER.as_bytes() => {
                let first = places.len();
                fields::unpack(hash.bytes(), value, &mut places).ok_or(DAMAGED)?;
                astray |= !places[first..].iter().all(|place| fields::is_small(place.stored_in(hash.bytes())));
            }
            _ => {
                astray |= fields::is_small(&hash.bytes()[value.clone()]);
                places.push(FieldRange::new(&name, &value));
            }
        }
    }
    let packed = stored.map(|stored| hash.bytes()[stored].to_vec());
    let fields = Contents::new(hash.into_bytes(), places).ok_or(DAMAGED)?;
    match packed {
        Some(packed) => Ok(Some((meta::decode(&packed)?, (!astray).then_some(Etag(packed)), fields))),
        None if fields.is_empty() => Ok(None),
        None => Err(Error::Unreadable("it has no metadata")),
    }
}

/// Fields in a script's reply.
pub(crate) fn fields(hash: Frame) -> Result<Contents, Error> {
    let places = hash.pairs().map(|pair| pair.map(|(name, stored)| FieldRange::new(&name, &stored)));
    let places = places.collect::<Option<_>>().ok_or_else(unexpected)?;
    Contents::new(hash.into_bytes(), places).ok_or_else(unexpected)
}

/// The session in a script's reply.
pub(crate) fn record(redis: &Redis, reply: Reply) -> StoreResult<Record> {
    reply.answer_in_place(|hash| record_if_any(redis, hash)?.ok_or_else(unexpected))
}

/// The session in a hash; `None` if that is empty.
pub(crate) fn record_if_any(redis: &Redis, hash: Frame) -> Result<Option<Record>, Error> {
    match unpack(hash)? {
        Some((Stored::Session { meta, keep_ms }, etag, fields)) => {
            note(redis, &meta, keep_ms);
            Ok(Some(Record { meta: *meta, etag, fields }))
        }
        Some((Stored::Ended(_) | Stored::Parked, ..)) => Err(unexpected()),
        None => Ok(None),
    }
}

/// A live session's metadata in a script's reply.
pub(crate) fn live_meta(redis: &Redis, packed: Value) -> Result<(Meta, Option<Etag>), Error> {
    let Value::BulkString(packed) = packed else { return Err(unexpected()) };
    let Stored::Session { meta, keep_ms } = meta::decode(&packed)? else { return Err(unexpected()) };
    note(redis, &meta, keep_ms);
    Ok((*meta, Some(Etag(packed))))
}

fn note(redis: &Redis, meta: &Meta, keep_ms: u32) {
    if meta.grace_ms > 0 || keep_ms > 0 {
        redis.note_grace();
    }
}

/// What is stored under an id from an index.
pub(crate) enum IndexedState {
    Absent,
    /// Ended, or past its deadline; the user is known until a tombstone replaces the session.
    Dead(Option<String>),
    Live(Box<Meta>),
    /// Of another version: left unchanged.
    Foreign,
}

/// Reads the metadata of sessions of one bucket in one round trip, in their order. At most
/// [`BATCH`](crate::store::BATCH) sessions.
pub(crate) async fn look(
    redis: &Redis,
    path: Path,
    budget: &Budget,
    ids: &[SessionId],
) -> Result<Vec<IndexedState>, Error> {
    let Some(first) = ids.first() else { return Ok(Vec::new()) };
    let mut reads = Pipeline::new();
    for id in ids {
        let key = redis.keys.session(*id);
        reads.cmd("PTTL").arg(&key).cmd("HGET").arg(&key).arg(meta::FIELD);
    }
    let answers = redis.client.read(path, budget, &redis.keys.session(*first), &reads).await?;
    let (answers, []) = answers.as_chunks::<2>() else { return Err(unexpected()) };
    answers.iter().map(|[left, packed]| judge(left, packed)).collect()
}

fn judge(left: &Value, packed: &Value) -> Result<IndexedState, Error> {
    let Value::BulkString(packed) = packed else { return Ok(IndexedState::Absent) };
    let Ok(stored) = meta::decode(packed) else { return Ok(IndexedState::Foreign) };
    let user = match &stored {
        Stored::Session { meta, .. } => meta.user.clone(),
        Stored::Ended(_) | Stored::Parked => None,
    };
    Ok(match told(stored, None, Contents::default(), number(left)?) {
        Loaded::Live(record) => IndexedState::Live(Box::new(record.meta)),
        Loaded::Absent | Loaded::Ended(_) => IndexedState::Dead(user),
    })
}
