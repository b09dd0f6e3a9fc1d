//! Where fields lie in a session's hash: the rule of `lua/lib/fields.lua`, for loads and for what [`swap`](super::swap) writes.

use crate::fields::Contents;

/// The hash field that holds the small ones together. No application field has this name.
pub(super) const TOGETHER: &str = "=";
/// The most bytes of a value that lies there.
const SMALL: usize = 1024;

/// Whether a field of this stored form lies together with others: neither a counter, which Redis adds to, nor large.
pub(super) fn is_small(stored: &[u8]) -> bool {
    stored.len() <= SMALL && stored.first().is_some_and(|first| *first < b'-')
}

/// Adds the fields that lie together; `None` for other bytes than ours.
pub(super) fn unpack(mut packed: &[u8], fields: &mut Contents) -> Option<()> {
    fields.reserve(count(packed));
    while let Some(([name, high, low], rest)) = packed.split_first_chunk() {
        let (name, rest) = rest.split_at_checked((*name).into())?;
        let (stored, rest) = rest.split_at_checked(u16::from_be_bytes([*high, *low]).into())?;
        fields.push((str::from_utf8(name).ok()?.to_owned(), stored.to_vec()));
        packed = rest;
    }
    packed.is_empty().then_some(())
}

/// How many fields lie there, if the bytes are whole.
fn count(mut packed: &[u8]) -> usize {
    let mut count = 0;
    while let Some(([name, high, low], rest)) = packed.split_first_chunk() {
        let both = usize::from(*name) + usize::from(u16::from_be_bytes([*high, *low]));
        packed = rest.get(both..).unwrap_or_default();
        count += 1;
    }
    count
}

/// Packs small fields, which come sorted by name, at best in so many bytes.
pub(super) fn pack<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>, most_bytes: usize) -> Vec<u8> {
    let mut packed = Vec::with_capacity(most_bytes);
    for (name, stored) in fields {
        let [high, low] = (stored.len() as u16).to_be_bytes();
        packed.extend_from_slice(&[name.len() as u8, high, low]);
        packed.extend_from_slice(name.as_bytes());
        packed.extend_from_slice(stored);
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{encode_bytes, encode_counter, encode_value};

    #[test]
    fn small_values_and_bytes_lie_together_counters_and_large_ones_apart() {
        assert!(is_small(&encode_value("a", &"x").expect("encodes")));
        assert!(is_small(&encode_bytes(&[b'9'; SMALL - 1])) && is_small(&encode_bytes(&[])));
        assert!(!is_small(&encode_bytes(&[0; SMALL])));
        assert!([i64::MIN, -1, 0, 7, i64::MAX].iter().all(|number| !is_small(&encode_counter(*number))));
    }

    #[test]
    fn what_is_packed_reads_back_and_what_is_cut_is_refused() {
        let fields: Contents = vec![("a".into(), vec![1; SMALL]), ("b".repeat(64), vec![2])];
        let packed = pack(fields.iter().map(|(name, stored)| (name.as_str(), stored.as_slice())), 0);
        let mut read = Contents::new();
        assert_eq!(unpack(&packed, &mut read), Some(()));
        assert_eq!(read, fields);
        assert_eq!(unpack(&[], &mut Contents::new()), Some(()));
        let whole = [0, 3 + 1 + SMALL, packed.len()];
        for length in (0..=packed.len()).filter(|length| !whole.contains(length)) {
            assert_eq!(unpack(&packed[..length], &mut Contents::new()), None, "{length}");
        }
    }

    #[test]
    fn scripts_hold_the_same_rule() {
        let lua = include_str!("../../../lua/lib/fields.lua");
        assert!(lua.contains(&format!("local SMALL = {SMALL}\n")));
        assert!(lua.contains(&format!("(string.byte(value) or 255) < {}\n", b'-')));
        assert!(lua.contains(&format!("'{TOGETHER}'")));
    }
}
