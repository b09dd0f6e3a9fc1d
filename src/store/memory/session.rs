//! Operations on one session: create, touch, save, increment, retime, end.

use crate::end::EndReason;
use crate::fields::Delta;
use crate::fields::codec::{decode_counter, encode_counter};
use crate::fields::map::Contents;
use crate::store::memory::contents::{self, applied, kept};
use crate::store::memory::state::{MemoryState, cover};
use crate::store::{End, Increment, Meta, NewSession, Record, Refused, Retime, Save, Touch, Undelivered, Wrote};

impl MemoryState {
    /// Order: `Exists`, limits.
    pub(super) fn create(&mut self, new: &NewSession, delta: &Delta) -> Result<Record, Refused> {
        self.vacant(new.id)?;
        let fields = applied(&Contents::default(), delta);
        contents::check(&fields, &Contents::default(), &self.settings.limits)?;
        Ok(self.begin(new, self.now, fields))
    }

    /// A use is recorded once per interval, whatever the caller has loaded. Earlier, only the first use of a secret is,
    /// and only if no other touch came between. The first use of another secret than the current one does not count.
    pub(super) fn touch(&mut self, touch: &Touch) -> Result<Meta, Refused> {
        let mut record = self.live(touch.id)?.clone();
        let meta = &mut record.meta;
        let due = self.now - meta.touched >= u64::from(meta.lifetimes.interval_ms);
        let current = touch.first_use == Some(meta.secret);
        let unused = meta.rotation.as_mut().filter(|rotation| current && rotation.used.is_none());
        if due || (unused.is_some() && touch.seen == meta.touched) {
            if let Some(rotation) = unused {
                rotation.used = Some(self.now);
            }
            meta.touched = self.now;
            meta.uses = meta.uses.saturating_add(1);
            cover(meta);
        }
        let answer = meta.clone();
        self.store(touch.id, record);
        Ok(answer)
    }

    /// Order: `Gone`, `Conflict`, limits. An empty delta writes nothing and keeps the version. Not a use.
    pub(super) fn save(&mut self, save: &Save) -> Result<Wrote, Refused> {
        let (mut record, overtaken) = self.writable(save.id, save.generation)?;
        if save.version.is_some_and(|version| version != record.meta.version) {
            return Err(Refused::Conflict);
        }
        self.write(&mut record, &save.delta)?;
        let wrote = Wrote { overtaken, ..Wrote::version(record.meta.version) };
        self.store(save.id, record);
        Ok(wrote)
    }

    /// Applies a delta to a record, within the limits; a new version unless the delta is empty.
    pub(super) fn write(&self, record: &mut Record, delta: &Delta) -> Result<(), Refused> {
        let fields = applied(&record.fields, delta);
        contents::check(&fields, &record.fields, &self.settings.limits)?;
        record.fields = fields;
        record.meta.version += u32::from(!delta.is_empty());
        Ok(())
    }

    /// Order: `Gone`, `Conflict`, `WrongKind`, `Overflow`, limits. Not a use.
    pub(super) fn increment(&mut self, increment: &Increment) -> Result<(i64, Wrote), Refused> {
        let (mut record, overtaken) = self.writable(increment.id, increment.generation)?;
        let name = &increment.field;
        let before = match record.fields.get(name) {
            Some(stored) => decode_counter(name, stored).map_err(|_| Refused::WrongKind)?,
            None => 0,
        };
        let after = before.checked_add(increment.by).ok_or(Refused::Overflow)?;
        let change = (name.clone(), Some(encode_counter(after)));
        self.write(&mut record, &Delta { clear: false, changes: vec![change] })?;
        let wrote = Wrote { overtaken, ..Wrote::version(record.meta.version) };
        self.store(increment.id, record);
        Ok((after, wrote))
    }

    /// Order: `Gone`, `Conflict`, outlived. A remaining lifetime of zero is outlived: Redis keeps no key for it.
    pub(super) fn retime(&mut self, retime: &Retime) -> Result<Meta, Refused> {
        let mut record = self.current(retime.id, retime.generation)?;
        record.meta.lifetimes = retime.lifetimes;
        record.meta.touched = self.now;
        if record.meta.deadline() == self.now {
            self.put_tombstone(retime.id, EndReason::Expired);
            return Err(Refused::Gone(Some(EndReason::Expired)));
        }
        cover(&mut record.meta);
        Ok(self.enter(retime.id, record).meta)
    }

    /// Order: `Gone`, `Conflict`, then the successor's `Exists` and limits, if there is one.
    pub(super) fn end(&mut self, end: &End) -> Result<Option<Record>, Refused> {
        let old = self.current(end.old.id, end.old.generation)?;
        let after = applied(&old.fields, &end.delta);
        let successor = end.successor.as_ref().map(|(new, keep)| (new, kept(&after, keep)));
        let successor = successor.filter(|(_, fields)| !fields.is_empty());
        if let Some((new, fields)) = &successor {
            self.vacant(new.id)?;
            contents::check(fields, &Contents::default(), &self.settings.limits)?;
        }
        self.put_tombstone(end.old.id, end.reason);
        Ok(successor.map(|(new, fields)| self.begin(new, self.now, fields)))
    }

    /// If the session has two secrets, the other one is current afterwards. Not a use, and not a write of fields.
    pub(super) fn end_undelivered(&mut self, undelivered: &Undelivered) -> Result<bool, Refused> {
        let mut record = self.live(undelivered.id)?.clone();
        let meta = &mut record.meta;
        let previous = meta.rotation.as_ref().map(|rotation| rotation.previous);
        let used =
            meta.uses > undelivered.uses || meta.rotation.as_ref().is_some_and(|rotation| rotation.used.is_some());
        if used || (meta.secret != undelivered.secret && previous != Some(undelivered.secret)) {
            return Ok(false);
        }
        let Some(previous) = previous else {
            self.put_tombstone(undelivered.id, EndReason::Undelivered);
            return Ok(true);
        };
        if meta.secret == undelivered.secret {
            meta.secret = previous;
        }
        meta.rotation = None;
        self.store(undelivered.id, record);
        Ok(false)
    }
}
