//! Writing by compare-and-swap: what `save` and `increment` would find and decide is worked out from the snapshot of the
//! load, so that the script has only to compare. Whatever is not plain is left to those scripts.

use std::borrow::Cow;

use crate::clock::Millis;
use crate::codec::encode_counter;
use crate::error::Error;
use crate::fields::{Contents, Delta};
use crate::id::SessionId;
use crate::limits::{Limits, check_field_name};
use crate::store::redis::Redis;
use crate::store::redis::answer::Code;
use crate::store::redis::call::Delivery;
use crate::store::redis::fields::{TOGETHER, is_small, pack};
use crate::store::redis::meta::{self, Head, Written};
use crate::store::redis::scripts;
use crate::store::{Increment, Packed, Save, Snapshot, Wrote};

/// Where the script's arguments begin to name fields.
const FIRST_SET: usize = 5;

/// A write of fields to a session that the caller has seen.
struct Write<'a> {
    id: SessionId,
    generation: u32,
    /// The version that it must still have.
    version: Option<u32>,
    snapshot: &'a Snapshot,
    delta: &'a Delta,
    /// What the classic script answers after the version.
    content: &'a [u8],
}

/// Tries a save; `None` if the classic script has to go on, under the same operation.
pub(super) async fn save(redis: &Redis, delivery: &mut Delivery, save: &Save) -> Result<Option<Wrote>, Error> {
    let Some(snapshot) = &save.snapshot else { return Ok(None) };
    let Save { id, generation, version, delta, .. } = save;
    let write = Write { id: *id, generation: *generation, version: *version, snapshot, delta, content: &[] };
    redis.swap(delivery, &write).await
}

/// Tries an increment, and answers the counter's value too.
pub(super) async fn increment(
    redis: &Redis,
    delivery: &mut Delivery,
    increment: &Increment,
) -> Result<Option<(i64, Wrote)>, Error> {
    let Increment { id, generation, field, by, snapshot: Some(snapshot) } = increment else { return Ok(None) };
    let Some(sum) = sum(find(&snapshot.fields, field), *by) else { return Ok(None) };
    let digits = encode_counter(sum);
    let delta = Delta { clear: false, changes: vec![(field.clone(), Some(digits.clone()))] };
    let write = Write { id: *id, generation: *generation, version: None, snapshot, delta: &delta, content: &digits };
    Ok(redis.swap(delivery, &write).await?.map(|wrote| (sum, wrote)))
}

/// `None` for what `HINCRBY` refuses, and for digits that it would have written otherwise.
fn sum(before: Option<&[u8]>, by: i64) -> Option<i64> {
    let Some(stored) = before else { return Some(by) };
    let number: i64 = std::str::from_utf8(stored).ok()?.parse().ok()?;
    number.checked_add(by).filter(|_| encode_counter(number) == stored)
}

fn find<'a>(fields: &'a Contents, name: &str) -> Option<&'a [u8]> {
    let at = fields.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
    Some(&fields[at].1)
}

/// What the key has left at the not-after, or at the deadline if that is sooner.
fn least_left_ms(head: &Head, not_after: Millis) -> u64 {
    let expiry = head.deadline() + head.stays_ms();
    expiry.saturating_sub(not_after).max(head.stays_ms())
}

impl Redis {
    async fn swap(&self, delivery: &mut Delivery, write: &Write<'_>) -> Result<Option<Wrote>, Error> {
        if self.crowded.skips(write.id) {
            return Ok(None);
        }
        let Some((head, version, packed)) = self.foreseen(delivery, write) else { return Ok(None) };
        let key = self.keys.session(write.id);
        let least_left = least_left_ms(&head, delivery.not_after()).to_string();
        let (sets, removes) = write.lay_out();
        let first_removed = if removes.is_empty() { String::new() } else { (FIRST_SET + 2 * sets.len()).to_string() };
        let mut args: Vec<&[u8]> = Vec::with_capacity(FIRST_SET - 1 + 2 * sets.len() + removes.len());
        args.extend([&packed[..], least_left.as_bytes(), &write.snapshot.packed, first_removed.as_bytes()]);
        sets.iter().for_each(|(name, stored)| args.extend([name.as_bytes(), &stored[..]]));
        args.extend(removes.iter().map(|name| name.as_bytes()));
        let swapped = self.send_plain(delivery, &scripts::SWAP, &[&key], &args).await?;
        let code = Code::read(&swapped)?;
        self.crowded.note(write.id, code == Code::MovedOn);
        Ok((code == Code::Ok).then_some(Wrote { version, packed: Packed(Some(packed)) }))
    }

    /// What the session was, and its version and metadata afterwards. `None` unless a first delivery will be accepted
    /// and not refused: a refusal has to be remembered, which is the classic script's.
    fn foreseen(&self, delivery: &Delivery, write: &Write<'_>) -> Option<(Head, u32, Vec<u8>)> {
        let op = delivery.first()?;
        let head = meta::head(&write.snapshot.packed)?;
        let current = head.state == 0 && head.generation == write.generation;
        let expected = write.version.is_none_or(|version| version == head.version);
        let legal = write.delta.changes.iter().all(|(name, _)| check_field_name(name).is_ok());
        if !current || !expected || !legal || op.not_after <= head.horizon {
            return None;
        }
        let size = write.size_within(&self.settings.limits, head.size)?;
        let version = head.version.wrapping_add(u32::from(!write.delta.is_empty()));
        let answer = [&[Code::Ok as u8], &version.to_be_bytes()[..], write.content].concat();
        let written = Written { op, now: self.wire.now(), version, size, answer: &answer };
        let packed = written.after(&write.snapshot.packed)?;
        Some((head, version, packed))
    }
}

impl Write<'_> {
    /// The bytes of all fields afterwards, if the limits allow them: `weigh` and `excess` of `lua/lib`.
    fn size_within(&self, limits: &Limits, had_bytes: u32) -> Option<u32> {
        let stored = &self.snapshot.fields;
        let (mut fields, mut bytes) = if self.delta.clear { (0, 0) } else { (stored.len(), had_bytes as usize) };
        for (name, change) in &self.delta.changes {
            if let Some(old) = find(stored, name).filter(|_| !self.delta.clear) {
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

    /// What the hash is told: its fields that are set, and the names of those that go.
    fn lay_out(&self) -> (Vec<(&str, Cow<'_, [u8]>)>, Vec<&str>) {
        let (stored, delta) = (&self.snapshot.fields, self.delta);
        let was_small = |name: &str| find(stored, name).is_some_and(is_small);
        let mut removes: Vec<&str> = match delta.clear {
            true => stored.iter().filter(|(_, old)| !is_small(old)).map(|(name, _)| name.as_str()).collect(),
            false => Vec::new(),
        };
        let (mut sets, mut repacks) = (Vec::new(), delta.clear);
        for (name, change) in &delta.changes {
            repacks |= was_small(name) || change.as_deref().is_some_and(is_small);
            match change.as_deref().filter(|new| !is_small(new)) {
                Some(new) => {
                    removes.retain(|removed| removed != name);
                    sets.push((name.as_str(), Cow::Borrowed(new)));
                }
                None if !delta.clear && find(stored, name).is_some_and(|old| !is_small(old)) => removes.push(name),
                None => {}
            }
        }
        if repacks {
            let small = self.after().filter(|(_, stored)| is_small(stored));
            let together = pack(small, self.most_bytes());
            match together.is_empty() {
                true => removes.push(TOGETHER),
                false => sets.push((TOGETHER, Cow::Owned(together))),
            }
        }
        (sets, removes)
    }

    /// No fewer than all fields afterwards have, packed.
    fn most_bytes(&self) -> usize {
        let stored = self.snapshot.fields.iter().map(|(name, stored)| name.len() + stored.len() + 3);
        stored.sum::<usize>() + self.delta.sets().map(|(name, stored)| name.len() + stored.len() + 3).sum::<usize>()
    }

    /// All fields afterwards, by name.
    fn after(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let stored: &[_] = if self.delta.clear { &[] } else { &self.snapshot.fields };
        let mut stored = stored.iter().map(|(name, stored)| (name.as_str(), Some(stored.as_slice()))).peekable();
        let mut changes = self.delta.changes.iter().map(|(name, new)| (name.as_str(), new.as_deref())).peekable();
        std::iter::from_fn(move || match (stored.peek(), changes.peek()) {
            (Some((old, _)), Some((new, _))) if old == new => stored.next().and(changes.next()),
            (Some((old, _)), Some((new, _))) if old > new => changes.next(),
            (Some(_), _) => stored.next(),
            (None, _) => changes.next(),
        })
        .filter_map(|(name, stored)| Some((name, stored?)))
    }
}
