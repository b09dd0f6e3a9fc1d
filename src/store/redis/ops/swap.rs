//! Writing by compare-and-swap. The checks of `save` and `increment` are done on the snapshot of the load, so that the
//! script only has to compare. Anything uncommon is left to those scripts.

use crate::config::limits::{Limits, check_field_name};
use crate::error::Error;
use crate::fields::Delta;
use crate::fields::codec::encode_counter;
use crate::identity::id::SessionId;
use crate::store::redis::Redis;
use crate::store::redis::layout::fields::{TOGETHER, is_small, pack};
use crate::store::redis::layout::meta;
use crate::store::redis::layout::meta::{MetaHead, Written};
use crate::store::redis::script::call::Delivery;
use crate::store::redis::script::reply::Code;
use crate::store::redis::script::scripts;
use crate::store::{Etag, Increment, Save, Snapshot, Wrote};
use crate::util::clock::Millis;

/// The index of the script's first field argument.
const FIRST_SET: usize = 5;

/// A write of fields to a session that the caller has loaded.
struct Write<'a> {
    id: SessionId,
    generation: u32,
    /// The version that it must still have.
    version: Option<u32>,
    snapshot: &'a Snapshot,
    delta: &'a Delta,
    /// The part of the full script's reply after the version.
    content: &'a [u8],
}

/// Tries a save; `None` if the full script has to run, under the same operation.
pub(crate) async fn save(redis: &Redis, delivery: &mut Delivery, save: &Save) -> Result<Option<Wrote>, Error> {
    let Some(snapshot) = &save.snapshot else { return Ok(None) };
    let Save { id, generation, version, delta, .. } = save;
    let write = Write { id: *id, generation: *generation, version: *version, snapshot, delta, content: &[] };
    redis.swap(delivery, &write).await
}

/// Tries an increment; also returns the counter's value.
pub(crate) async fn increment(
    redis: &Redis,
    delivery: &mut Delivery,
    increment: &Increment,
) -> Result<Option<(i64, Wrote)>, Error> {
    let Increment { id, generation, field, by, snapshot: Some(snapshot) } = increment else { return Ok(None) };
    let Some(sum) = sum(snapshot.fields.get(field), *by) else { return Ok(None) };
    let digits = encode_counter(sum);
    let delta = Delta { clear: false, changes: vec![(field.clone(), Some(digits.clone()))] };
    let write = Write { id: *id, generation: *generation, version: None, snapshot, delta: &delta, content: &digits };
    Ok(redis.swap(delivery, &write).await?.map(|wrote| (sum, wrote)))
}

/// `None` if `HINCRBY` would fail, or if the stored digits are not in its format.
fn sum(before: Option<&[u8]>, by: i64) -> Option<i64> {
    let Some(stored) = before else { return Some(by) };
    let number: i64 = std::str::from_utf8(stored).ok()?.parse().ok()?;
    number.checked_add(by).filter(|_| encode_counter(number) == stored)
}

/// The key's least remaining time until the not-after, or until the deadline if that is sooner.
fn least_left_ms(head: &MetaHead, not_after: Millis) -> u64 {
    let expiry = head.deadline() + head.stays_ms();
    expiry.saturating_sub(not_after).max(head.stays_ms())
}

impl Redis {
    async fn swap(&self, delivery: &mut Delivery, write: &Write<'_>) -> Result<Option<Wrote>, Error> {
        let Some((head, version, etag)) = self.foreseen(delivery, write) else { return Ok(None) };
        let key = self.keys.session(write.id);
        let least_left = least_left_ms(&head, delivery.not_after()).to_string();
        let together = write.together();
        let (mut sets, mut removes) = write.apart();
        match &together {
            Some(together) if together.is_empty() => removes.push(TOGETHER),
            Some(together) => sets.extend([TOGETHER.as_bytes(), together]),
            None => {}
        }
        let first_removed = if removes.is_empty() { String::new() } else { (FIRST_SET + sets.len()).to_string() };
        let mut args: Vec<&[u8]> = Vec::with_capacity(FIRST_SET + sets.len() + removes.len());
        args.extend([&etag[..], least_left.as_bytes(), &write.snapshot.etag.0, first_removed.as_bytes()]);
        args.extend(sets);
        args.extend(removes.into_iter().map(str::as_bytes));
        let code = self.send_plain(delivery, &scripts::SWAP, &[&key], &args).await?;
        Ok((code == Code::Ok).then_some(Wrote { etag: Some(Etag(etag)), ..Wrote::version(version) }))
    }

    /// The loaded state, and version and metadata after the write. `None` unless a first delivery will be accepted: a
    /// refusal has to be recorded, which only the full script does.
    fn foreseen(&self, delivery: &Delivery, write: &Write<'_>) -> Option<(MetaHead, u32, Vec<u8>)> {
        let op = delivery.first()?;
        let head = meta::head(&write.snapshot.etag.0)?;
        let current = head.state == 0 && head.generation == write.generation;
        let expected = write.version.is_none_or(|version| version == head.version);
        let legal = write.delta.changes.iter().all(|(name, _)| check_field_name(name).is_ok());
        if !current || !expected || !legal || op.not_after <= head.horizon {
            return None;
        }
        let size = write.size_within(&self.settings.limits, head.size)?;
        let version = head.version.wrapping_add(u32::from(!write.delta.is_empty()));
        let answer = [&[Code::Ok as u8], &version.to_be_bytes()[..], write.content].concat();
        let written = Written { op, now: self.client.now(), version, size, answer: &answer };
        let etag = written.after(&write.snapshot.etag.0)?;
        Some((head, version, etag))
    }
}

impl Write<'_> {
    /// The size of all fields after the write, if within the limits: `weigh` and `excess` of `lua/lib`.
    fn size_within(&self, limits: &Limits, had_bytes: u32) -> Option<u32> {
        let stored = &self.snapshot.fields;
        let (mut fields, mut bytes) = if self.delta.clear { (0, 0) } else { (stored.len(), had_bytes as usize) };
        for (name, change) in &self.delta.changes {
            if let Some(old) = stored.get(name).filter(|_| !self.delta.clear) {
                fields -= 1;
                bytes = bytes.checked_sub(name.len() + old.len())?;
            }
            if let Some(new) = change {
                fields += 1;
                bytes += name.len() + new.len();
            }
        }
        let within = fields <= limits.fields.max(stored.len()) && bytes <= limits.session_bytes.max(had_bytes as usize);
        within.then_some(bytes).and_then(|bytes| bytes.try_into().ok())
    }

    /// The small fields after the write, packed together; `None` if none of them changes.
    fn together(&self) -> Option<Vec<u8>> {
        let was_small = |name: &str| self.snapshot.fields.get(name).is_some_and(is_small);
        let touches = |(name, new): &(String, Option<Vec<u8>>)| new.as_deref().is_some_and(is_small) || was_small(name);
        let touched = self.delta.clear || self.delta.changes.iter().any(touches);
        touched.then(|| pack(self.after().filter(|(_, stored)| is_small(stored)), self.most_bytes()))
    }

    /// For fields stored on their own: names and values to set, alternating, and names to remove.
    fn apart(&self) -> (Vec<&[u8]>, Vec<&str>) {
        let (stored, delta) = (&self.snapshot.fields, self.delta);
        let (mut sets, mut removes) = (Vec::new(), Vec::new());
        for (name, change) in &delta.changes {
            match change.as_deref().filter(|new| !is_small(new)) {
                Some(new) => sets.extend([name.as_bytes(), new]),
                None if !delta.clear && stored.get(name).is_some_and(|old| !is_small(old)) => {
                    removes.push(name.as_str())
                }
                None => {}
            }
        }
        if delta.clear {
            let goes = |name: &str| !sets.iter().step_by(2).any(|set| *set == name.as_bytes());
            removes.extend(stored.iter().filter(|(name, old)| !is_small(old) && goes(name)).map(|(name, _)| name));
        }
        (sets, removes)
    }

    /// An upper bound of the packed size of all fields after the write.
    fn most_bytes(&self) -> usize {
        let stored = &self.snapshot.fields;
        let sets = self.delta.sets().map(|(name, stored)| name.len() + stored.len() + 3);
        stored.size() + 3 * stored.len() + sets.sum::<usize>()
    }

    /// All fields after the write, by name.
    fn after(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let stored = self.snapshot.fields.raw().filter(|_| !self.delta.clear);
        let mut stored = stored.map(|(name, stored)| (name, Some(stored))).peekable();
        let mut changes = self.delta.changes.iter().map(|(name, new)| (name.as_bytes(), new.as_deref())).peekable();
        std::iter::from_fn(move || match (stored.peek(), changes.peek()) {
            (Some((old, _)), Some((new, _))) if old == new => stored.next().and(changes.next()),
            (Some((old, _)), Some((new, _))) if old > new => changes.next(),
            (Some(_), _) => stored.next(),
            (None, _) => changes.next(),
        })
        .filter_map(|(name, stored)| Some((name, stored?)))
    }
}
