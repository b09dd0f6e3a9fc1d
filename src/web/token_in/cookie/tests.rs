//! The parser against examples, and against a slow and obvious one.

use super::*;
use crate::session::load::candidates::Candidates;

const NAME: &str = "__Host-id";

/// Different values, none of which is a token.
fn several() -> RequestTokens<'static> {
    RequestTokens::Several(Candidates::default())
}

fn one(header: &str) -> RequestTokens<'_> {
    find(std::iter::once(header.as_bytes()), NAME)
}

#[test]
fn a_cookie_is_found_among_others_whatever_they_are() {
    for header in [
        "__Host-id=v",
        "a=b; __Host-id=v; c=d",
        "a=b;__Host-id=v;c=d",
        ";;; =; ==x; nameless; \u{7f}\u{1}=; __Host-id=v;",
        "a=\"; __Host-id=v; b=\"",
        "\t __Host-id \t=\t v \t",
    ] {
        assert_eq!(one(header), RequestTokens::One(b"v"), "{header}");
    }
}

#[test]
fn the_cookie_name_is_compared_byte_for_byte() {
    for header in [
        "",
        "__Host-id",
        "__host-id=v",
        "__%48ost-id=v",
        "\"__Host-id\"=v",
        "__Host-id\u{a0}=v",
        "\u{b}__Host-id=v",
        "x__Host-id=v",
        "__Host-idx=v",
        "a=__Host-id=v",
        "a=b, __Host-id=v",
        "=__Host-id=v",
    ] {
        assert_eq!(one(header), RequestTokens::Absent, "{header}");
    }
}

#[test]
fn a_cookie_value_is_not_decoded() {
    for (header, value) in [
        ("__Host-id=", ""),
        ("__Host-id=\"v\"", "\"v\""),
        ("__Host-id=%76", "%76"),
        ("__Host-id=a=b==", "a=b=="),
        ("__Host-id=a b", "a b"),
        ("__Host-id=a\u{a0}", "a\u{a0}"),
    ] {
        assert_eq!(one(header), RequestTokens::One(value.as_bytes()), "{header}");
    }
}

#[test]
fn two_values_of_one_name_are_several_and_a_repeated_value_is_one() {
    assert_eq!(one("__Host-id=v; __Host-id=v"), RequestTokens::One(b"v"));
    assert_eq!(one("__Host-id=v; __Host-id=w; __Host-id=v"), several());
    assert_eq!(one("__Host-id=; __Host-id=v"), several());
    let headers = ["__Host-id=v", "a=b", "__Host-id=w"];
    assert_eq!(find(headers.iter().map(|header| header.as_bytes()), NAME), several());
}

/// Reads byte by byte into a list of pairs, then searches it.
fn reference(headers: &[Vec<u8>]) -> Option<Result<Vec<u8>, ()>> {
    let mut values = Vec::new();
    for header in headers {
        let (mut name, mut value, mut in_value) = (Vec::new(), Vec::new(), false);
        for byte in header.iter().copied().chain([b';']) {
            match byte {
                b';' => {
                    if in_value && strip(&name) == NAME.as_bytes() {
                        values.push(strip(&value));
                    }
                    (name, value, in_value) = (Vec::new(), Vec::new(), false);
                }
                b'=' if !in_value => in_value = true,
                byte if in_value => value.push(byte),
                byte => name.push(byte),
            }
        }
    }
    let first = values.first()?.clone();
    Some(if values.iter().all(|value| *value == first) { Ok(first) } else { Err(()) })
}

fn strip(bytes: &[u8]) -> Vec<u8> {
    let blank = |byte: &&u8| **byte == 0x20 || **byte == 0x09;
    let mut left: Vec<u8> = bytes.iter().skip_while(blank).copied().collect();
    while left.last().is_some_and(|byte| blank(&byte)) {
        left.pop();
    }
    left
}

fn random_header(random: &mut fastrand::Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 12] =
        [b"__Host-id", b"__Host-id=", b"=", b";", b"; ", b" ", b"\t", b"v", b"\"", b"%48", b"__host-id", b"a=b"];
    let mut header = Vec::new();
    for _ in 0..random.usize(0..12) {
        match random.u8(0..5) {
            0 => header.push(random.u8(..)),
            _ => header.extend_from_slice(PIECES[random.usize(0..PIECES.len())]),
        }
    }
    header
}

/// A valid header with a few bytes changed, doubled or inserted.
fn near_miss(random: &mut fastrand::Rng) -> Vec<u8> {
    const PUT: [&[u8]; 10] = [b"\0", b"\t", b" ", b"%", b"%48", b"%3D", b"=", b";", b"\"", b"; __Host-id=w"];
    let mut header = b"a=b; __Host-id=v; c=d".to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(0..header.len());
        match random.u8(0..4) {
            0 => header[at] = random.u8(..),
            1 => drop(header.remove(at)),
            2 => header.insert(at, header[at]),
            _ => drop(header.splice(at..at, PUT[random.usize(0..PUT.len())].iter().copied())),
        }
    }
    header
}

#[test]
fn the_parser_agrees_with_the_slow_one_on_random_bytes() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut met = [0_u32; 3];
    for _ in 0..100_000 {
        let headers: Vec<_> = (0..random.usize(0..4))
            .map(|_| if random.bool() { random_header(&mut random) } else { near_miss(&mut random) })
            .collect();
        let found = find(headers.iter().map(Vec::as_slice), NAME);
        let slow = reference(&headers);
        let (kind, wanted) = match &slow {
            None => (0, RequestTokens::Absent),
            Some(Ok(value)) => (1, RequestTokens::One(value)),
            Some(Err(())) => (2, several()),
        };
        assert_eq!(found, wanted, "{headers:?}");
        met[kind] += 1;
    }
    assert!(met.iter().all(|count| *count > 1_000), "each answer is met often: {met:?}");
}
