//! Stored fields, read as types that an application may have.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::fields::codec::{
    FieldKind, decode_bytes, decode_counter, decode_value, encode_bytes, encode_counter, encode_like, encode_value,
    kind,
};

#[derive(Debug, Serialize, Deserialize)]
struct Account {
    name: String,
    scores: Vec<u64>,
    #[serde(default)]
    before: Option<Box<Self>>,
    size: Size,
    #[serde(flatten)]
    rest: BTreeMap<String, Untagged>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Size {
    Small,
    Big(u16),
    Pair(i8, Option<f32>),
    Box { width: u8, within: Box<Self> },
    Wrapped(Box<Self>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Empty,
    Node { left: Box<Self>, right: Vec<Self> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Flag(bool),
    Number(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Tree(Vec<Self>);

/// Any bytes are a field of one kind or of none, and what reads as a value reads as the same when it is stored again.
///
/// # Panics
/// If a property does not hold.
pub fn codec(stored: &[u8]) {
    let read = (decode_bytes("f", stored).is_ok(), decode_counter("f", stored).is_ok());
    match kind(stored) {
        Some(FieldKind::Bytes) => assert_eq!(read, (true, false)),
        Some(FieldKind::Counter) => counter(stored),
        Some(FieldKind::Value) | None => assert_eq!(read, (false, false)),
    }
    if let Ok(bytes) = decode_bytes("f", stored) {
        assert_eq!(encode_bytes(bytes), stored);
    }
    drop(decode_value::<IgnoredAny>("f", stored));
    each::<Account>(stored);
    each::<Size>(stored);
    each::<Tagged>(stored);
    each::<Untagged>(stored);
    each::<Tree>(stored);
    each::<String>(stored);
    each::<(bool, char, u128)>(stored);
    each::<BTreeMap<i32, Vec<Option<u8>>>>(stored);
}

fn counter(stored: &[u8]) {
    let Ok(number) = decode_counter("f", stored) else { return };
    assert_eq!(decode_counter("f", &encode_counter(number)).ok(), Some(number));
    assert_eq!(decode_value::<i64>("f", stored).ok(), Some(number));
    assert_eq!(decode_value::<u8>("f", stored).ok(), u8::try_from(number).ok());
    let again = encode_like(Some(FieldKind::Counter), "f", &number);
    assert_eq!(again.ok(), Some(encode_counter(number)));
}

fn each<T: Serialize + DeserializeOwned + Debug>(stored: &[u8]) {
    let Ok(value) = decode_value::<T>("f", stored) else { return };
    // What is nested too deep is refused.
    let Ok(again) = encode_value("f", &value) else { return };
    let read = decode_value::<T>("f", &again).unwrap_or_else(|error| panic!("{error:?}: {value:?}"));
    assert_eq!(format!("{read:?}"), format!("{value:?}"));
}
