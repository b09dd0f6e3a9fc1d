//! Where fields lie in a session's hash: the rule of `lua/lib/fields.lua`, for loads and for what [`swap`](super::swap) writes.

use crate::contents::{Contents, Place};
use crate::error::Error;

/// The hash field that holds the small ones together. No application field has this name.
pub(super) const TOGETHER: &str = "=";
/// The most bytes of a value that lies there.
const SMALL: usize = 1024;

/// Whether a field of this stored form lies together with others: neither a counter, which Redis adds to, nor large.
pub(super) fn is_small(stored: &[u8]) -> bool {
    stored.len() <= SMALL && stored.first().is_some_and(|first| *first < b'-')
}

/// The fields that lie together and those that lie apart.
pub(super) fn unpack(together: Vec<u8>, apart: &[(Vec<u8>, Vec<u8>)]) -> Result<Contents, Error> {
    let mut places = places(&together, apart.len()).ok_or(Error::Unreadable("its fields are damaged"))?;
    let mut bytes = together;
    bytes.reserve_exact(apart.iter().map(|(name, stored)| name.len() + stored.len()).sum());
    for (name, stored) in apart {
        places.push(Place { at: bytes.len(), name: name.len(), stored: stored.len() });
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(stored);
    }
    Contents::new(bytes, places).ok_or(Error::Unreadable("a field's name is not text"))
}

/// Where the fields lie that lie together, with room for so many more; `None` for other bytes than ours.
fn places(together: &[u8], more: usize) -> Option<Vec<Place>> {
    let mut places = Vec::with_capacity(8 + more);
    let mut rest = together;
    while let Some(([name, high, low], behind)) = rest.split_first_chunk() {
        let (name, stored) = (usize::from(*name), usize::from(u16::from_be_bytes([*high, *low])));
        places.push(Place { at: together.len() - behind.len(), name, stored });
        rest = behind.get(name + stored..)?;
    }
    rest.is_empty().then_some(places)
}

/// Packs small fields, which come sorted by name, at best in so many bytes.
pub(super) fn pack<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, most_bytes: usize) -> Vec<u8> {
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
        let fields: Contents = [("a".to_owned(), vec![1; SMALL]), ("b".repeat(64), vec![2])].into_iter().collect();
        let packed = pack(fields.raw(), 0);
        assert_eq!(unpack(packed.clone(), &[]).expect("whole"), fields);
        assert!(unpack(Vec::new(), &[]).expect("whole").is_empty());
        let whole = [0, 3 + 1 + SMALL, packed.len()];
        for length in (0..=packed.len()).filter(|length| !whole.contains(length)) {
            assert!(unpack(packed[..length].to_vec(), &[]).is_err(), "{length}");
        }
    }

    #[test]
    fn fields_that_lie_apart_stand_among_the_others_by_name() {
        let together: Contents = [("b", [2]), ("d", [2])].into_iter().collect();
        let apart = [("e", b"5"), ("a", b"7"), ("c", b"9")].map(|(name, stored)| (name.into(), stored.to_vec()));
        let all = unpack(pack(together.raw(), 0), &apart).expect("whole");
        assert_eq!(all.iter().map(|(name, _)| name).collect::<String>(), "abcde");
        assert_eq!((all.get("b"), all.get("c"), all.get("x")), (Some(&[2][..]), Some(&b"9"[..]), None));
        assert!(unpack(Vec::new(), &[(vec![0xff], vec![1])]).is_err(), "a name that is no text");
    }

    #[test]
    fn scripts_hold_the_same_rule() {
        let lua = include_str!("../../../lua/lib/fields.lua");
        assert!(lua.contains(&format!("local SMALL = {SMALL}\n")));
        assert!(lua.contains(&format!("(string.byte(value) or 255) < {}\n", b'-')));
        assert!(lua.contains(&format!("'{TOGETHER}'")));
    }
}
