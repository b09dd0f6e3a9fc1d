//! A session's fields as loaded, and the changes of a request. No I/O, no clock.

pub(crate) mod codec;
pub(crate) mod map;

use std::ptr;
use std::sync::Arc;

use crate::config::limits::{LimitExceeded, Limits};
use crate::fields::map::Contents;

/// The changes of a request, as sent to the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    /// Removes all fields first, including those that this request never loaded.
    pub(crate) clear: bool,
    /// New values by name; `None` removes. Sorted by name, without duplicates.
    pub(crate) changes: Vec<(String, Option<Vec<u8>>)>,
}

impl Delta {
    pub(crate) const NONE: &Self = &Self { clear: false, changes: Vec::new() };

    pub(crate) fn is_empty(&self) -> bool {
        !self.clear && self.changes.is_empty()
    }

    /// The fields to set.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.changes.iter().filter_map(|(name, stored)| Some((name.as_str(), stored.as_deref()?)))
    }

    /// The fields to remove.
    pub(crate) fn removes(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().filter(|(_, stored)| stored.is_none()).map(|(name, _)| name.as_str())
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.changes.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

/// The fields of a session: the stored ones as far as known, and the changes. Sorted by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    /// Shared with a save in progress, as are the changes.
    stored: Arc<Contents>,
    delta: Option<Arc<Delta>>,
    /// Whether to save although nothing changed.
    marked: bool,
    /// Whether changes were discarded after the last send.
    taken_back: bool,
}

impl Fields {
    pub(crate) fn new(stored: Contents) -> Self {
        Self { stored: Arc::new(stored), delta: None, marked: false, taken_back: false }
    }

    /// The changes alone, for a session that is no longer stored.
    pub(crate) fn pending(self) -> Self {
        Self { stored: Arc::default(), ..self }
    }

    /// The stored fields, as far as known.
    pub(crate) fn known(&self) -> Arc<Contents> {
        Arc::clone(&self.stored)
    }

    /// The current value of a field, changes included.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let delta = self.delta();
        match delta.find(name) {
            Ok(at) => delta.changes[at].1.as_deref(),
            Err(_) => self.stored_now(name),
        }
    }

    /// The stored value of a field that is not cleared.
    fn stored_now(&self, name: &str) -> Option<&[u8]> {
        if self.delta().clear { None } else { self.stored.get(name) }
    }

    /// The current value of every field, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut names: Vec<&str> = self.delta().sets().map(|(name, _)| name).collect();
        if !self.delta().clear {
            names.extend(self.stored.iter().map(|(name, _)| name));
        }
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter_map(|name| Some((name, self.get(name)?)))
    }

    /// Sets a field; a change only if the value differs.
    pub(crate) fn set(&mut self, name: &str, stored: Vec<u8>) {
        if self.stored_now(name) == Some(stored.as_slice()) {
            self.forget(name);
        } else {
            self.change(name, Some(stored));
        }
    }

    fn change(&mut self, name: &str, stored: Option<Vec<u8>>) {
        let delta = Arc::make_mut(self.delta.get_or_insert_default());
        match delta.find(name) {
            Ok(at) => delta.changes[at].1 = stored,
            Err(at) => delta.changes.insert(at, (name.to_owned(), stored)),
        }
    }

    fn forget(&mut self, name: &str) {
        let found = self.delta().find(name);
        if let (Some(delta), Ok(at)) = (&mut self.delta, found) {
            Arc::make_mut(delta).changes.remove(at);
        }
    }

    /// Sets a field, unless the session would exceed a limit. A field above a limit that was lowered may stay or
    /// shrink. Checks what this request has loaded; the store checks again.
    pub(crate) fn set_within(&mut self, limits: &Limits, name: &str, stored: Vec<u8>) -> Result<(), LimitExceeded> {
        let old = self.get(name).map(|old| name.len() + old.len());
        let (had_fields, had_bytes) = self.weight();
        if had_fields + usize::from(old.is_none()) > limits.fields.max(had_fields) {
            return Err(LimitExceeded::Fields { most: limits.fields });
        }
        let bytes = had_bytes + name.len() + stored.len() - old.unwrap_or(0);
        if bytes > limits.session_bytes.max(had_bytes) {
            return Err(LimitExceeded::SessionBytes { most: limits.session_bytes });
        }
        self.set(name, stored);
        Ok(())
    }

    /// Removes a field and returns whether it existed; a change only if it did.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let existed = self.get(name).is_some();
        if existed && self.stored_now(name).is_some() {
            self.change(name, None);
        } else if existed {
            self.forget(name);
        }
        existed
    }

    /// Removes all fields, including those that others wrote since the load.
    pub(crate) fn clear(&mut self) {
        self.delta = Some(Arc::new(Delta { clear: true, changes: Vec::new() }));
    }

    /// Removes all fields of a session that is not stored yet; nothing is left to send.
    pub(crate) fn clear_draft(&mut self) {
        self.delta = None;
    }

    /// The names of the fields that have changes.
    pub(crate) fn changed_names(&self) -> Vec<&str> {
        self.delta().changes.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Discards all changes.
    pub(crate) fn discard(&mut self) {
        self.delta = None;
        self.marked = false;
        self.taken_back = true;
    }

    /// Whether a field has an unsaved change.
    pub(crate) fn changed(&self, name: &str) -> bool {
        self.delta().clear || self.delta().find(name).is_ok()
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.marked || !self.delta().is_empty()
    }

    /// Sets whether to save although nothing changed.
    pub(crate) fn mark(&mut self, marked: bool) {
        self.marked = marked;
    }

    /// The changes, marked as being sent.
    pub(crate) fn send(&mut self) -> Arc<Delta> {
        self.taken_back = false;
        self.delta.clone().unwrap_or_default()
    }

    /// The changes.
    pub(crate) fn delta(&self) -> &Delta {
        self.delta.as_deref().unwrap_or(Delta::NONE)
    }

    /// Marks these changes as saved; later ones stay pending. A change that was discarded after it was sent is saved
    /// too, and is not pending.
    pub(crate) fn settle(&mut self, saved: &Delta) {
        self.marked = false;
        let since = (!ptr::eq(self.delta(), saved)).then(|| {
            let sent = if self.taken_back { &[][..] } else { &saved.changes };
            let names = self.delta().changes.iter().chain(sent).map(|(name, _)| name);
            names.map(|name| (name.clone(), self.get(name).map(<[u8]>::to_vec))).collect::<Vec<_>>()
        });
        if saved.clear {
            self.stored = Arc::default();
        }
        for (name, change) in &saved.changes {
            self.store_known(name, change.as_deref());
        }
        let clear = self.delta().clear && !saved.clear;
        self.delta = None;
        if clear {
            self.clear();
        }
        for (name, want) in since.into_iter().flatten() {
            if self.stored_now(&name) != want.as_deref() {
                self.change(&name, want);
            }
        }
    }

    /// Takes over a field's stored value.
    pub(crate) fn store_known(&mut self, name: &str, stored: Option<&[u8]>) {
        Arc::make_mut(&mut self.stored).set(name, stored);
    }

    /// The number of current fields, and their bytes with their names.
    fn weight(&self) -> (usize, usize) {
        let (mut fields, mut bytes) = if self.delta().clear { (0, 0) } else { (self.stored.len(), self.stored.size()) };
        for (name, change) in &self.delta().changes {
            if let Some(old) = self.stored_now(name) {
                (fields, bytes) = (fields - 1, bytes - name.len() - old.len());
            }
            if let Some(new) = change {
                (fields, bytes) = (fields + 1, bytes + name.len() + new.len());
            }
        }
        (fields, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded() -> Fields {
        Fields::new([("a", "1"), ("b", "2")].into_iter().collect())
    }

    #[test]
    fn only_a_change_that_happened_is_dirty() {
        let mut fields = loaded();
        fields.set("a", b"1".to_vec());
        assert!(!fields.remove("missing"));
        assert!(!fields.is_dirty());
        fields.set("a", b"9".to_vec());
        assert!(fields.is_dirty());
        fields.set("a", b"1".to_vec());
        assert!(!fields.is_dirty(), "changed back");
        fields.set("new", b"x".to_vec());
        assert!(fields.remove("new"));
        assert!(!fields.is_dirty(), "never stored");
    }

    #[test]
    fn clearing_a_draft_leaves_nothing_to_send() {
        let mut fields = Fields::default();
        fields.set("a", b"1".to_vec());
        fields.clear_draft();
        assert!(!fields.is_dirty());
    }

    #[test]
    fn a_field_set_after_clear_is_sent_even_if_unchanged() {
        let mut fields = loaded();
        fields.clear();
        assert_eq!(fields.iter().count(), 0);
        fields.set("a", b"1".to_vec());
        assert_eq!(fields.delta(), &Delta { clear: true, changes: vec![("a".into(), Some(b"1".to_vec()))] });
        assert!(fields.remove("a"));
        assert_eq!(fields.delta(), &Delta { clear: true, changes: vec![] });
    }

    #[test]
    fn changes_during_a_save_stay_pending() {
        let mut fields = loaded();
        fields.set("a", b"9".to_vec());
        let sent = fields.delta().clone();
        fields.set("a", b"10".to_vec());
        fields.remove("b");
        fields.settle(&sent);
        assert_eq!(fields.delta().changes, vec![("a".into(), Some(b"10".to_vec())), ("b".into(), None)]);
        let sent = fields.delta().clone();
        fields.settle(&sent);
        assert!(!fields.is_dirty());
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", &b"10"[..])]);
    }

    #[test]
    fn a_field_changed_back_during_a_save_is_sent_again() {
        let mut fields = loaded();
        fields.set("a", b"9".to_vec());
        let sent = fields.delta().clone();
        fields.set("a", b"1".to_vec());
        fields.settle(&sent);
        assert_eq!(fields.get("a"), Some(&b"1"[..]));
        assert_eq!(fields.delta().changes, vec![("a".into(), Some(b"1".to_vec()))]);
    }

    #[test]
    fn a_field_that_exceeds_a_limit_leaves_everything_as_it_was() {
        let mut fields = loaded();
        let limits = Limits::new().session_bytes(8);
        assert!(fields.set_within(&limits, "a", vec![b'x'; 9]).is_err());
        assert!(fields.set_within(&limits, "c", vec![b'x'; 9]).is_err());
        assert!(!fields.is_dirty());
        assert!(fields.set_within(&limits, "a", b"12345".to_vec()).is_ok());
        assert!(fields.set_within(&limits, "a", b"123456".to_vec()).is_err());
        assert_eq!(fields.get("a"), Some(&b"12345"[..]));
    }

    #[test]
    fn above_a_lowered_limit_a_field_may_shrink() {
        let mut fields = Fields::new([("a", "12345"), ("b", "2")].into_iter().collect());
        let limits = Limits::new().fields(1).session_bytes(1);
        assert!(fields.set_within(&limits, "a", b"1234".to_vec()).is_ok());
        assert!(fields.set_within(&limits, "a", b"12345".to_vec()).is_err());
        assert!(fields.set_within(&limits, "c", Vec::new()).is_err());
    }

    #[test]
    fn iteration_is_by_name_over_stored_and_changed() {
        let mut fields = loaded();
        fields.set("0", b"0".to_vec());
        fields.remove("b");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("0", &b"0"[..]), ("a", &b"1"[..])]);
    }

    #[test]
    fn changes_discarded_during_a_save_are_not_pending_afterwards() {
        let mut fields = loaded();
        let before = fields.iter().map(|(name, _)| name.to_owned()).next().expect("a field");
        fields.set(&before, b"new".to_vec());
        let sent = fields.send();
        fields.discard();
        fields.set("later", b"1".to_vec());
        fields.settle(&sent);
        assert_eq!((fields.get(&before), fields.changed_names()), (Some(&b"new"[..]), vec!["later"]));

        fields.discard();
        fields.set(&before, b"sent".to_vec());
        let sent = fields.send();
        fields.set(&before, b"new".to_vec());
        fields.settle(&sent);
        assert_eq!(
            (fields.get(&before), fields.changed_names()),
            (Some(&b"new"[..]), vec![&*before]),
            "taken back by hand"
        );
    }
}
