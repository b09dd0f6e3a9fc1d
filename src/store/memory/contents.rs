//! A session's fields: applying a delta, copying, and limits. Pure.

use std::collections::BTreeMap;

use crate::config::limits::Limits;
use crate::fields::Delta;
use crate::fields::map::Contents;
use crate::store::Refused;

/// The fields after the delta.
pub(super) fn applied(fields: &Contents, delta: &Delta) -> Contents {
    let mut after: BTreeMap<&str, &[u8]> = if delta.clear { BTreeMap::new() } else { fields.iter().collect() };
    for (name, change) in &delta.changes {
        match change {
            Some(stored) => drop(after.insert(name, stored)),
            None => drop(after.remove(name.as_str())),
        }
    }
    after.into_iter().collect()
}

/// The fields of these names, as far as they exist.
pub(super) fn kept(fields: &Contents, keep: &[String]) -> Contents {
    fields.iter().filter(|(name, _)| keep.iter().any(|kept| kept == name)).collect()
}

/// Refuses more fields or bytes than the limit, or than before if the limit was lowered since. Limits of a single field
/// are checked before the store is called.
pub(super) fn check(fields: &Contents, before: &Contents, limits: &Limits) -> Result<(), Refused> {
    if fields.len() > limits.fields.max(before.len()) {
        return Err(Refused::TooManyFields);
    }
    if fields.size() > limits.session_bytes.max(before.size()) {
        return Err(Refused::TooManyBytes);
    }
    Ok(())
}
