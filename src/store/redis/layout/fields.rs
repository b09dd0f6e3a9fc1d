//! The layout of fields in a session's hash: the rule of `lua/lib/fields.lua`, for loads and for writes by
//! [`swap`](crate::store::redis::ops::swap).

use std::ops::Range;

use crate::fields::map::FieldRange;
use crate::store::redis::layout::constants::SMALL;

/// The hash field that packs the small ones together. No application field has this name.
pub(crate) const TOGETHER: &str = "=";

/// Whether a field of this stored form is packed with others: neither a counter, which Redis increments, nor large.
pub(crate) fn is_small(stored: &[u8]) -> bool {
    stored.len() <= SMALL && stored.first().is_some_and(|first| *first < b'-')
}

/// Adds the ranges of the packed fields within this range of the bytes; `None` for an invalid form.
pub(crate) fn unpack(bytes: &[u8], together: Range<usize>, places: &mut Vec<FieldRange>) -> Option<()> {
    let end = together.end;
    let mut rest = &bytes[together];
    while let Some(([name, high, low], behind)) = rest.split_first_chunk() {
        let (name, stored) = (usize::from(*name), usize::from(u16::from_be_bytes([*high, *low])));
        let at = end - behind.len();
        places.push(FieldRange { name: (at, name), stored: (at + name, stored) });
        rest = behind.get(name + stored..)?;
    }
    rest.is_empty().then_some(())
}

/// Packs small fields, sorted by name; `most_bytes` is the capacity to reserve.
pub(crate) fn pack<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, most_bytes: usize) -> Vec<u8> {
    let mut packed = Vec::with_capacity(most_bytes);
    for (name, stored) in fields {
        let [high, low] = (stored.len() as u16).to_be_bytes();
        packed.extend_from_slice(&[name.len() as u8, high, low]);
        packed.extend_from_slice(name);
        packed.extend_from_slice(stored);
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::codec::{encode_bytes, encode_counter, encode_value};
    use crate::fields::map::Contents;

    #[test]
    fn small_values_and_bytes_are_packed_and_counters_and_large_ones_are_not() {
        assert!(is_small(&encode_value("a", &"x").expect("encodes")));
        assert!(is_small(&encode_bytes(&[b'9'; SMALL - 1])) && is_small(&encode_bytes(&[])));
        assert!(!is_small(&encode_bytes(&[0; SMALL])));
        assert!([i64::MIN, -1, 0, 7, i64::MAX].iter().all(|number| !is_small(&encode_counter(*number))));
    }

    fn unpacked(packed: &[u8]) -> Option<Contents> {
        let bytes = [b"before", packed, b"behind"].concat();
        let mut places = Vec::new();
        unpack(&bytes, 6..6 + packed.len(), &mut places)?;
        Contents::new(bytes, places)
    }

    #[test]
    fn packed_fields_read_back_and_truncated_ones_are_rejected() {
        let fields: Contents = [("a".to_owned(), vec![1; SMALL]), ("b".repeat(64), vec![2])].into_iter().collect();
        let packed = pack(fields.raw(), 0);
        assert_eq!(unpacked(&packed).expect("whole"), fields);
        assert!(unpacked(&[]).expect("whole").is_empty());
        let whole = [0, 3 + 1 + SMALL, packed.len()];
        for length in (0..=packed.len()).filter(|length| !whole.contains(length)) {
            assert!(unpacked(&packed[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn scripts_pack_fields_by_the_same_rule() {
        let lua = include_str!("../../../../lua/lib/fields.lua");
        assert!(lua.contains(&format!("(string.byte(value) or 255) < {}\n", b'-')));
        assert!(lua.contains(&format!("'{TOGETHER}'")));
    }
}
