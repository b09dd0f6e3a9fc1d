//! A new secret for the same session.

use crate::identity::token::SecretHash;
use crate::store::memory::state::MemoryState;
use crate::store::{
    FORMER_CSRF_MOST, FormerCsrf, Meta, PREVIOUS_GRACE_MS, ROTATION_SETTLES_MS, Refused, Rotate, Rotation,
};
use crate::util::clock::Millis;

impl MemoryState {
    /// Order: `Gone`, `Conflict`, then by the secret. A secret that does not open the session is handled like an
    /// unknown session: `Gone` without a reason. Not a use, and not a write of fields.
    pub(super) fn rotate(&mut self, rotate: &Rotate) -> Result<Meta, Refused> {
        let mut record = self.current(rotate.id, rotate.generation)?;
        let previous = previous_after(&record.meta, rotate, self.now)?;
        let former = former_after(record.meta.rotation.take(), rotate, self.now);
        record.meta.rotation = Some(Rotation { previous, at: self.now, used: None, former });
        record.meta.secret = rotate.new;
        let answer = record.meta.clone();
        self.store(rotate.id, record);
        Ok(answer)
    }
}

/// The former CSRF tokens that pages may still have after this rotation.
fn former_after(rotation: Option<Rotation>, rotate: &Rotate, now: Millis) -> Vec<FormerCsrf> {
    let mut former = rotation.map_or_else(Vec::new, |rotation| rotation.former);
    former.retain(|one| one.is_valid(now) && one.digest != rotate.csrf);
    former.push(FormerCsrf { digest: rotate.csrf, at: now });
    former.drain(..former.len().saturating_sub(FORMER_CSRF_MOST));
    former
}

/// The previous secret after this rotation, if it is allowed.
fn previous_after(meta: &Meta, rotate: &Rotate, now: Millis) -> Result<SecretHash, Refused> {
    if rotate.presented == meta.secret {
        return Ok(meta.secret);
    }
    let presented_previous = |rotation: &&Rotation| rotation.previous == rotate.presented;
    let rotation = meta.rotation.as_ref().filter(presented_previous).ok_or(Refused::Gone(None))?;
    let settled = rotation.at + ROTATION_SETTLES_MS;
    match rotation.used {
        Some(used) if now > used + PREVIOUS_GRACE_MS => Err(Refused::Gone(None)),
        None if now > settled && rotate.loaded > settled && rotate.current == meta.secret => Ok(rotation.previous),
        _ => Err(Refused::AlreadyRotated),
    }
}
