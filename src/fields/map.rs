//! A sorted field map over one buffer: loading records byte ranges of the reply and copies nothing.

use std::fmt;
use std::ops::Range;

/// Fields by name, sorted, without duplicates.
#[derive(Clone, Default)]
pub(crate) struct Contents {
    /// May contain other bytes between the fields, such as the rest of a server's reply.
    bytes: Vec<u8>,
    /// Sorted by name.
    places: Vec<FieldRange>,
}

/// The ranges of a field's name and stored value in the buffer: start and length of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldRange {
    pub(crate) name: (usize, usize),
    pub(crate) stored: (usize, usize),
}

impl FieldRange {
    pub(crate) fn new(name: &Range<usize>, stored: &Range<usize>) -> Self {
        Self { name: (name.start, name.len()), stored: (stored.start, stored.len()) }
    }

    pub(crate) fn stored_in(self, bytes: &[u8]) -> &[u8] {
        part(bytes, self.stored)
    }
}

/// The range at this start with this length.
fn part(bytes: &[u8], (at, length): (usize, usize)) -> &[u8] {
    &bytes[at..at + length]
}

impl Contents {
    /// The fields at these ranges; `None` if a name is not UTF-8 or occurs twice.
    pub(crate) fn new(bytes: Vec<u8>, places: Vec<FieldRange>) -> Option<Self> {
        let mut contents = Self { bytes, places };
        let text = |place: &FieldRange| {
            let name = contents.name(*place);
            name.is_ascii() || str::from_utf8(name).is_ok()
        };
        if !contents.places.iter().all(text) {
            return None;
        }
        contents.sort();
        let twice = contents.places.windows(2).any(|two| contents.name(two[0]) == contents.name(two[1]));
        (!twice).then_some(contents)
    }

    fn name(&self, place: FieldRange) -> &[u8] {
        part(&self.bytes, place.name)
    }

    fn stored(&self, place: FieldRange) -> &[u8] {
        part(&self.bytes, place.stored)
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.places.sort_unstable_by_key(|place| part(bytes, place.name));
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.places.binary_search_by(|place| self.name(*place).cmp(name.as_bytes()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.find(name).ok().map(|found| self.stored(self.places[found]))
    }

    pub(crate) const fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes of all fields, names included.
    pub(crate) fn size(&self) -> usize {
        self.places.iter().map(|place| place.name.1 + place.stored.1).sum()
    }

    /// All fields by name bytes. The names are UTF-8, but checking that again would take time.
    pub(crate) fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.iter().map(|place| (self.name(*place), self.stored(*place)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.raw().filter_map(|(name, stored)| Some((str::from_utf8(name).ok()?, stored)))
    }

    /// Sets or removes a field.
    pub(crate) fn set(&mut self, name: &str, stored: Option<&[u8]>) {
        match (self.find(name), stored) {
            (Ok(found), Some(stored)) if stored.len() <= self.places[found].stored.1 => {
                let (from, length) = &mut self.places[found].stored;
                *length = stored.len();
                self.bytes[*from..*from + stored.len()].copy_from_slice(stored);
            }
            (Ok(found), Some(stored)) => self.places[found] = self.append(name.as_bytes(), stored),
            (Ok(found), None) => drop(self.places.remove(found)),
            (Err(at), Some(stored)) => {
                let place = self.append(name.as_bytes(), stored);
                self.places.insert(at, place);
            }
            (Err(_), None) => {}
        }
        self.compact();
    }

    fn append(&mut self, name: &[u8], stored: &[u8]) -> FieldRange {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(stored);
        FieldRange { name: (at, name.len()), stored: (at + name.len(), stored.len()) }
    }

    /// Drops replaced values once they exceed the current ones, so that a long-lived handle does not grow.
    fn compact(&mut self) {
        if self.bytes.len() > 1024 && self.bytes.len() > 2 * self.size() {
            *self = self.raw().collect();
        }
    }
}

impl<N: AsRef<[u8]>, S: AsRef<[u8]>> FromIterator<(N, S)> for Contents {
    /// Collects fields in any order; each name at most once.
    fn from_iter<I: IntoIterator<Item = (N, S)>>(fields: I) -> Self {
        let mut contents = Self::default();
        for (name, stored) in fields {
            let place = contents.append(name.as_ref(), stored.as_ref());
            contents.places.push(place);
        }
        contents.sort();
        contents
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        self.raw().eq(other.raw())
    }
}

impl Eq for Contents {}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_field_map_behaves_like_a_btree_map() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut contents, mut map) = (Contents::default(), BTreeMap::new());
        for _ in 0..2_000 {
            let name = format!("{}", random.u8(..12));
            let stored = random.bool().then(|| vec![random.u8(..); random.usize(..300)]);
            contents.set(&name, stored.as_deref());
            match stored {
                Some(stored) => drop(map.insert(name.clone(), stored)),
                None => drop(map.remove(&name)),
            }
            assert_eq!(contents.get(&name), map.get(&name).map(Vec::as_slice));
            assert!(contents.iter().eq(map.iter().map(|(name, stored)| (name.as_str(), stored.as_slice()))));
            assert_eq!(contents.size(), map.iter().map(|(name, stored)| name.len() + stored.len()).sum::<usize>());
            assert_eq!((contents.len(), contents.is_empty()), (map.len(), map.is_empty()));
        }
    }

    #[test]
    fn a_growing_field_leaves_no_garbage_in_the_buffer() {
        let mut contents: Contents = [("a", [0; 10])].into_iter().collect();
        for round in 0..1_000 {
            contents.set("a", Some(&vec![1; 10 + round % 90]));
        }
        assert!(contents.bytes.len() < 2048, "{}", contents.bytes.len());
    }

    #[test]
    fn a_map_built_from_unordered_fields_is_sorted_by_name() {
        let contents: Contents = [("b", "2"), ("a", "1")].into_iter().collect();
        assert_eq!(contents.iter().collect::<Vec<_>>(), [("a", &b"1"[..]), ("b", &b"2"[..])]);
        assert_eq!(format!("{contents:?}"), r#"{"a": [49], "b": [50]}"#);
        let place = FieldRange { name: (0, 1), stored: (1, 0) };
        assert!(Contents::new(vec![0xff], vec![place]).is_none(), "no text");
        assert!(Contents::new(b"a".to_vec(), vec![place]).is_some());
        assert!(Contents::new(b"a".to_vec(), vec![place, place]).is_none(), "which of them?");
    }
}
