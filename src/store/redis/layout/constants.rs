//! The constants that Rust and the scripts share, once: [`lua`] writes the Lua half, which precedes the pieces of `lua/lib`.

use std::fmt::Write;

use crate::config::timeouts;
use crate::end::EndReason;
use crate::store::{self, redis::script::reply::Code};

/// A field of the head and its length in bytes.
type HeadField = (&'static str, usize);

/// The head of a session's metadata, in order: big-endian numbers, and the 32 bytes of the secret's hash.
const HEAD: [HeadField; 20] = [
    ("format", 1),
    ("state", 1),
    ("critical", 1),
    ("ignorable", 1),
    ("created", 6),
    ("since", 6),
    ("touched", 6),
    ("idle", 6),
    ("absolute", 6),
    ("interval", 4),
    ("grace", 4),
    ("keep", 4),
    ("generation", 4),
    ("version", 4),
    ("size", 4),
    ("index_until", 6),
    ("horizon", 6),
    ("secret", 32),
    ("uses", 4),
    ("operations", 1),
];

/// The lengths of a rotation's fields: the previous secret's hash, two times, and the count of digests.
const ROTATION: [usize; 4] = [32, 6, 6, 1];

/// The length of a rotation in bytes, without the digests.
pub(crate) const ROTATION_LEN: usize = ROTATION[0] + ROTATION[1] + ROTATION[2] + ROTATION[3];

/// The length of the head in bytes.
pub(crate) const HEAD_LEN: usize = offset("");

/// The offset of a field of the head in bytes; of no field, the end of the head. An unknown field does not compile.
pub(crate) const fn offset(field: &str) -> usize {
    let (mut at, mut index) = (0, 0);
    while index < HEAD.len() {
        if is_equal(HEAD[index].0, field) {
            return at;
        }
        at += HEAD[index].1;
        index += 1;
    }
    assert!(field.is_empty(), "not a field of the head");
    at
}

const fn is_equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

macro_rules! numbers {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[doc = $doc])* pub(crate) const $name: $type = $value;)*

        const NUMBERS: &[(&str, u64)] = &[$((stringify!($name), $name as u64),)*];
    };
}

numbers! {
    /// The first byte of the metadata. Another one belongs to another version of this crate.
    FORMAT: u8 = 1;
    /// The state of a session that a login across slots has created and not yet activated.
    PARKED: u8 = 255;
    /// Critical flag: the secret was replaced. Block: the previous secret's hash, when, the first use of the new secret
    /// (0: none), then a count and that many digests of earlier CSRF tokens.
    ROTATED: u8 = 1;
    /// Critical flag: a login created a session in place of this one. Block: its id.
    SUCCESSOR: u8 = 2;
    /// Critical flag: a tombstone whose expiry is set once, a drop-in store's first session, which points to the user's.
    /// No block.
    DOOR: u8 = 4;
    /// All critical flags of this version. A session with another one is left as it is: it may change which sessions live,
    /// or add a block of unknown length. 8, 16 and 32 are reserved for end events: observed, owed, aside.
    KNOWN: u8 = ROTATED | SUCCESSOR | DOOR;
    /// The length of a digest of an earlier CSRF token, 16 bytes, with the time of the rotation that replaced it, 6 bytes.
    FORMER: usize = 22;
    /// How many operations a session remembers, with their replies.
    RING: usize = 8;
    /// How far ahead of the server's time a not-after may be: one farther ahead comes from a wrong clock, and could outlive
    /// the tombstone (5 minutes at least) that keeps a late repeat from taking effect.
    FARTHEST_MS: u64 = 120_000;
    /// The largest value in bytes that is stored together with others.
    SMALL: usize = 1024;
    /// The length of the user agent that stands for none; an empty user agent has length 0.
    NO_AGENT: u16 = u16::MAX;
    /// The lifetime of a parked session: longer than any late delivery of a call of that login.
    PARKED_MS: u64 = 300_000;
    /// A timeout that never passes.
    NO_END_MS: u64 = timeouts::NO_END_MS;
    /// How long after a login another one may join it.
    JOIN_MS: u64 = store::JOIN_MS;
    /// How long after a re-authentication a save that was loaded before it is accepted.
    LATE_WRITE_MS: u64 = store::LATE_WRITE_MS;
}

/// The reasons that scripts give on their own.
const REASONS: [(&str, EndReason); 4] = [
    ("EXPIRED", EndReason::Expired),
    ("LOGGED_IN", EndReason::LoggedIn),
    ("EVICTED", EndReason::Evicted),
    ("UNDELIVERED", EndReason::Undelivered),
];

/// One `local` line for each constant, reason and reply code, and the formats of `struct.pack`.
pub(crate) fn lua() -> String {
    let reasons = REASONS.iter().map(|(name, reason)| (*name, u64::from(reason.code())));
    let codes = Code::ALL.iter().map(|(name, code)| (*name, *code as u64));
    let mut lua = String::new();
    for (name, number) in NUMBERS.iter().copied().chain(reasons).chain(codes) {
        let _ = writeln!(lua, "local {name} = {number}");
    }
    let (head, rotation) = (format(HEAD.map(|(_, length)| length)), format(ROTATION));
    for (name, format) in [("HEAD", head.as_str()), ("ROTATION", &rotation), ("OPERATION", ">c8I6B")] {
        let _ = writeln!(lua, "local {name} = '{format}'");
    }
    lua
}

fn format<const N: usize>(lengths: [usize; N]) -> String {
    lengths.iter().fold(">".to_owned(), |format, length| match length {
        1 => format + "B",
        32 => format + "c32",
        length => format!("{format}I{length}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_has_its_recorded_format_and_length() {
        assert_eq!(format(HEAD.map(|(_, length)| length)), ">BBBBI6I6I6I6I6I4I4I4I4I4I4I6I6c32I4B");
        assert_eq!((offset("format"), offset("version"), offset("operations"), HEAD_LEN), (0, 50, 106, 107));
    }

    #[test]
    fn constants_are_lua_text() {
        let lua = lua();
        for line in [
            "local FORMAT = 1\n",
            "local EVICTED = 6\n",
            "local NOT_JOINED = 18\n",
            "local OPERATION = '>c8I6B'\n",
            "local ROTATION = '>c32I6I6B'\n",
        ] {
            assert!(lua.contains(line), "{line}");
        }
    }
}
