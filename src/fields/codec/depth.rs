//! How deep MessagePack is nested, found without recursion.

use crate::fields::codec::pack::DEEPEST;

/// Levels of lists and maps in what [`pack`](super::pack::pack) writes, at most: a variant with fields is one level of its
/// type, and a list or map within a map.
const DEEPEST_PACKED: usize = 2 * DEEPEST as usize;

/// Whether the first value is nested deeper than what is ever stored.
///
/// Decoding takes stack for each level. `rmp_serde` limits lists and maps to 1,024 levels and variants not at all, so that a
/// field of 20 kB could end the process.
pub(crate) fn is_too_deep(packed: &[u8]) -> bool {
    // Each level takes a byte: nearly all fields are too short to be looked at.
    packed.len() > DEEPEST_PACKED && walk(packed).is_some()
}

/// Goes through the value until a level is too deep; `None` if none is before it ends or breaks off.
fn walk(mut packed: &[u8]) -> Option<()> {
    // Of each list or map that is open: how many of its parts are still to come.
    let mut open: Vec<u64> = Vec::new();
    loop {
        let parts = step(&mut packed)?;
        if parts > 0 {
            open.push(parts);
            if open.len() > DEEPEST_PACKED {
                return Some(());
            }
            continue;
        }
        while *open.last()? == 1 {
            open.pop();
        }
        *open.last_mut()? -= 1;
    }
}

/// Goes behind a marker, and the content of what has no parts; how many parts follow.
fn step(packed: &mut &[u8]) -> Option<u64> {
    let (marker, rest) = packed.split_first()?;
    *packed = rest;
    let (bytes, parts) = match *marker {
        0x00..=0x7f | 0xc0..=0xc3 | 0xe0..=0xff => (0, 0),
        marker @ 0x80..=0x8f => (0, 2 * u64::from(marker & 0x0f)),
        marker @ 0x90..=0x9f => (0, u64::from(marker & 0x0f)),
        marker @ 0xa0..=0xbf => (u64::from(marker & 0x1f), 0),
        0xc4 | 0xd9 => (number(packed, 1)?, 0),
        0xc5 | 0xda => (number(packed, 2)?, 0),
        0xc6 | 0xdb => (number(packed, 4)?, 0),
        // An extension has a byte for its type.
        marker @ 0xc7..=0xc9 => (number(packed, 1 << (marker - 0xc7))? + 1, 0),
        marker @ 0xd4..=0xd8 => ((1 << (marker - 0xd4)) + 1, 0),
        0xca => (4, 0),
        0xcb => (8, 0),
        marker @ 0xcc..=0xcf => (1 << (marker - 0xcc), 0),
        marker @ 0xd0..=0xd3 => (1 << (marker - 0xd0), 0),
        0xdc => (0, number(packed, 2)?),
        0xdd => (0, number(packed, 4)?),
        0xde => (0, 2 * number(packed, 2)?),
        0xdf => (0, 2 * number(packed, 4)?),
    };
    *packed = packed.get(usize::try_from(bytes).ok()?..)?;
    Some(parts)
}

/// A number of this length in bytes.
fn number(packed: &mut &[u8], bytes: usize) -> Option<u64> {
    let (number, rest) = packed.split_at_checked(bytes)?;
    *packed = rest;
    Some(number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::error::{DecodeError, Error};
    use crate::fields::codec::{decode_value, encode_value};

    #[derive(Debug, Serialize, Deserialize)]
    enum Nest {
        End,
        Wrapped(Box<Self>),
        Fields { within: Box<Self> },
        Pair(u8, Box<Self>),
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Buffered {
        Text(String),
        List(Vec<Self>),
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        End,
        Node { next: Box<Self> },
    }

    /// The value, and how many levels it is nested at most before it is refused, stored and read again.
    fn deepest<T: Serialize + for<'de> Deserialize<'de>>(end: T, deeper: impl Fn(T) -> T) {
        let value = (0..DEEPEST).fold(end, |value, _| deeper(value));
        let stored = encode_value("x", &value).expect("as deep as is accepted");
        assert!(!is_too_deep(&stored[1..]), "{:?}", stored.len());
        let read: T = decode_value("x", &stored).expect("reads");
        assert_eq!(encode_value("x", &read).expect("encodes"), stored);
        assert!(encode_value("x", &deeper(value)).is_err());
    }

    #[test]
    fn a_value_as_deep_as_is_accepted_reads_back_whatever_nests_it() {
        deepest(Nest::End, |within| Nest::Wrapped(within.into()));
        deepest(Nest::End, |within| Nest::Fields { within: within.into() });
        deepest(Nest::End, |within| Nest::Pair(7, within.into()));
        deepest(Buffered::Text("x".repeat(3)), |within| Buffered::List(vec![within]));
    }

    #[test]
    fn a_field_that_is_nested_deeper_than_what_is_stored_is_an_error_and_no_overflow() {
        let too_deep = |part: &[u8], end: &[u8]| [b"\x03", &part.repeat(100_000)[..], end].concat();
        let refused = |read: Result<(), Error>| {
            matches!(read, Err(Error::Decode { source: DecodeError::Value(error), .. })
                if matches!(error.0, rmp_serde::decode::Error::DepthLimitExceeded))
        };
        let variants = too_deep(b"\x81\xa7Wrapped", b"\xa3End");
        assert!(refused(decode_value::<Nest>("x", &variants).map(drop)));
        let lists = too_deep(b"\x91", b"\x90");
        assert!(refused(decode_value::<Buffered>("x", &lists).map(drop)));
        let nodes = too_deep(b"\x82\xa4kind\xa4Node\xa4next", b"\x81\xa4kind\xa3End");
        assert!(refused(decode_value::<Tagged>("x", &nodes).map(drop)));
    }

    #[test]
    fn each_form_of_messagepack_is_gone_through_to_its_end() {
        let forms: [&[u8]; 24] = [
            b"\x07",
            b"\xff",
            b"\xc0",
            b"\xc3",
            b"\xa3hat",
            b"\xd9\x03hat",
            b"\xda\0\x03hat",
            b"\xdb\0\0\0\x03hat",
            b"\xc4\x01\x91",
            b"\xc5\0\x01\x91",
            b"\xc6\0\0\0\x01\x91",
            b"\xca\x91\x91\x91\x91",
            b"\xcb\x91\x91\x91\x91\x91\x91\x91\x91",
            b"\xcc\x91",
            b"\xcf\x91\x91\x91\x91\x91\x91\x91\x91",
            b"\xd1\x91\x91",
            b"\xd4\x91\x91",
            b"\xd8\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91",
            b"\xc7\x01\x91\x91",
            b"\xc9\0\0\0\x01\x91\x91",
            b"\x82\xa1a\x01\xa1b\x90",
            b"\xdc\0\x02\x90\x01",
            b"\xde\0\x01\xa1a\x80",
            b"\xdf\0\0\0\x01\xa1a\xdd\0\0\0\x01\xc2",
        ];
        for form in forms {
            let deep = |levels: usize| [&b"\xdc\0\x02"[..], form, &b"\x91".repeat(levels - 1), b"\xc0"].concat();
            let padded = |levels| [deep(levels), vec![0; DEEPEST_PACKED]].concat();
            assert!(!is_too_deep(&padded(DEEPEST_PACKED)), "{}", form.escape_ascii());
            assert!(is_too_deep(&padded(DEEPEST_PACKED + 1)), "{}", form.escape_ascii());
        }
        assert!(!is_too_deep(&b"\x91".repeat(DEEPEST_PACKED)), "breaks off");
        assert!(!is_too_deep(&b"\xdb\xff\xff\xff\xff".repeat(DEEPEST_PACKED)), "breaks off");
    }
}
