//! Random values of every shape that serde has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A type of which random values can be made.
pub(super) trait Any: Serialize + DeserializeOwned + PartialEq + fmt::Debug {
    fn any(random: &mut Rng) -> Self;
}

macro_rules! any {
    ($($kind:ty: |$random:ident| $make:expr;)*) => {$(
        impl Any for $kind {
            fn any($random: &mut Rng) -> Self { $make }
        }
    )*};
}

/// A struct whose fields are random.
macro_rules! any_struct {
    ($(#[$of:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty,)* }) => {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        $(#[$of])*
        pub(super) struct $name { $($(#[$attribute])* $field: $kind,)* }

        impl Any for $name {
            fn any(random: &mut Rng) -> Self { Self { $($field: Any::any(random),)* } }
        }
    };
}

macro_rules! extremes {
    ($($kind:ident)*) => {$(
        any! { $kind: |random| *random.choice(&[$kind::MIN, $kind::MAX, 0 as $kind, 1 as $kind, 100 as $kind]).expect("some"); }
    )*};
}

extremes! { i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 }

any! {
    bool: |random| random.bool();
    char: |random| random.char(..);
    (): |_random| ();
    String: |random| (0..random.usize(..40)).map(|_| random.char(..)).collect();
    IpAddr: |random| if random.bool() { Ipv4Addr::from(random.u32(..)).into() } else { Ipv6Addr::from(random.u128(..)).into() };
    SocketAddr: |random| SocketAddr::new(Any::any(random), random.u16(..));
    Uuid: |random| Uuid::from_u128(random.u128(..));
    Duration: |random| Duration::new(random.u64(..), random.u32(..1_000_000_000));
    SystemTime: |random| SystemTime::UNIX_EPOCH + Duration::new(random.u64(..1 << 40), random.u32(..1_000_000_000));
    jiff::Timestamp: |random| jiff::Timestamp::new(random.i64(-377_705_023_201..=253_402_207_200), random.i32(..1_000_000_000).max(0)).unwrap_or_default();
    NonZeroU64: |random| NonZeroU64::new(random.u64(1..)).expect("not 0");
    serde_json::Value: |random| match random.u8(..6) {
        0 => serde_json::Value::Null,
        1 => random.bool().into(),
        2 => u64::any(random).into(),
        3 => f64::any(random).into(),
        4 => String::any(random).into(),
        _ => serde_json::json!({ "a": [1, -1, null, {}], "b": String::any(random) }),
    };
}

impl<T: Any> Any for Option<T> {
    fn any(random: &mut Rng) -> Self {
        random.bool().then(|| T::any(random))
    }
}

impl<T: Any> Any for Vec<T> {
    fn any(random: &mut Rng) -> Self {
        (0..random.usize(..4)).map(|_| T::any(random)).collect()
    }
}

impl<T: Any> Any for Box<T> {
    fn any(random: &mut Rng) -> Self {
        Self::new(T::any(random))
    }
}

impl<T> Any for PhantomData<T> {
    fn any(_: &mut Rng) -> Self {
        Self
    }
}

impl<T: Any, E: Any> Any for Result<T, E> {
    fn any(random: &mut Rng) -> Self {
        if random.bool() { Ok(T::any(random)) } else { Err(E::any(random)) }
    }
}

impl<K: Any + Ord, T: Any> Any for BTreeMap<K, T> {
    fn any(random: &mut Rng) -> Self {
        (0..random.usize(..5)).map(|_| (K::any(random), T::any(random))).collect()
    }
}

impl<T: Any + Ord> Any for BTreeSet<T> {
    fn any(random: &mut Rng) -> Self {
        (0..random.usize(..5)).map(|_| T::any(random)).collect()
    }
}

impl<A: Any, B: Any> Any for (A, B) {
    fn any(random: &mut Rng) -> Self {
        (A::any(random), B::any(random))
    }
}

impl<T: Any + Copy + Default> Any for [T; 3] {
    fn any(random: &mut Rng) -> Self {
        [T::any(random), T::default(), T::any(random)]
    }
}

/// Bytes that are written as such, as `serde_bytes` does.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Raw(Vec<u8>);

impl Any for Raw {
    fn any(random: &mut Rng) -> Self {
        Self((0..random.usize(..300)).map(|_| random.u8(..)).collect())
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
                Ok(Raw(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Nothing;
any! { Nothing: |_random| Self; }

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Wrapped(u64);
any! { Wrapped: |random| Self(Any::any(random)); }

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pair(i32, Option<String>);
any! { Pair: |random| Self(Any::any(random), Any::any(random)); }

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Maybe(Option<Option<Vec<Option<u8>>>>);
any! { Maybe: |random| Self(random.bool().then(|| Some(Any::any(random)))); }

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Colour {
    Red,
    #[serde(rename = "a green")]
    Green,
}
any! { Colour: |random| if random.bool() { Self::Red } else { Self::Green }; }

any_struct! {
    /// Fields of every primitive, and of types that serialize differently for humans.
    Basics {
        integers: (i8, (i16, (i32, (i64, (u8, (u16, (u32, u64))))))),
        floats: (f32, f64),
        rest: (bool, (char, String)),
        nothing: (),
        unit: Nothing,
        phantom: PhantomData<u8>,
        wrapped: Wrapped,
        pair: Pair,
        raw: Raw,
        list: Vec<u8>,
        array: [i16; 3],
        option: Option<u8>,
        colour: Colour,
        result: Result<Colour, String>,
        done: Result<(), Nothing>,
        address: IpAddr,
        socket: Option<SocketAddr>,
        uuid: Uuid,
        duration: Duration,
        time: SystemTime,
        stamp: jiff::Timestamp,
        non_zero: NonZeroU64,
        json: serde_json::Value,
    }
}

any_struct! {
    /// Maps with non-text keys, and sets.
    Maps {
        numbers: BTreeMap<u32, IpAddr>,
        signed: BTreeMap<i64, Colour>,
        flags: BTreeMap<bool, Nothing>,
        letters: BTreeMap<char, Vec<Colour>>,
        pairs: BTreeMap<(u8, Option<u8>), Uuid>,
        colours: BTreeMap<Colour, ()>,
        raws: BTreeMap<Raw, u8>,
        addresses: BTreeMap<IpAddr, BTreeSet<Uuid>>,
    }
}

any_struct! {
    #[serde(rename_all = "kebab-case", default)]
    #[derive(Default)]
    Skipping {
        #[serde(skip_serializing_if = "Option::is_none")]
        first_name: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        its_tags: Vec<String>,
        #[serde(skip)]
        never: PhantomData<u8>,
        last: u8,
    }
}

/// An enum of every form of variant, with another tagging.
macro_rules! any_enum {
    ($(#[$of:meta])* $name:ident) => {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        $(#[$of])*
        pub(super) enum $name {
            Nothing,
            Of(Box<Basics>),
            Maps { numbers: Maps, at: IpAddr },
            Web { ip: IpAddr, id: Uuid, raw: Raw, unit: Nothing, letter: char, float: f32, inner: Option<Box<Self>> },
        }

        any! {
            $name: |random| match random.u8(..4) {
                0 => Self::Nothing,
                1 => Self::Of(Any::any(random)),
                2 => Self::Maps { numbers: Any::any(random), at: Any::any(random) },
                _ => Self::Web {
                    ip: Any::any(random), id: Any::any(random), raw: Any::any(random),
                    unit: Nothing, letter: Any::any(random), float: Any::any(random), // `Some` of an untagged unit variant is stored as nothing.
                    inner: Option::<Box<Self>>::any(random).filter(|inner| **inner != Self::Nothing),
                },
            };
        }
    };
}

extremes! { i128 u128 }

any_struct! {
    /// Outside tagged enums also integers of 128 bits.
    Wide {
        signed: i128,
        unsigned: u128,
        more: BTreeMap<u128, Option<i128>>,
    }
}

any_enum! { External }
any_enum! { #[serde(tag = "kind")] Internal }
any_enum! { #[serde(tag = "kind", content = "of")] Adjacent }
any_enum! { #[serde(untagged)] Untagged }

/// Variants that only these taggings have.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Tuples {
    None(),
    Pair(u8, IpAddr),
    Nothing(Nothing),
    Maybe(Option<Colour>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Loose {
    Pair(u8, IpAddr),
    Address(IpAddr),
    Bytes(Raw),
    Number(i64),
    Float(f64),
    Unit(Nothing),
}

any! {
    Tuples: |random| match random.u8(..4) {
        0 => Self::None(),
        1 => Self::Pair(Any::any(random), Any::any(random)),
        2 => Self::Nothing(Nothing),
        _ => Self::Maybe(Any::any(random)),
    };
    Loose: |random| match random.u8(..6) {
        0 => Self::Pair(Any::any(random), Any::any(random)),
        1 => Self::Address(Any::any(random)),
        2 => Self::Bytes(Any::any(random)),
        3 => Self::Number(Any::any(random)),
        4 => Self::Float(Any::any(random)),
        _ => Self::Unit(Nothing),
    };
}

any_struct! {
    /// Everything flattened into one map, which has a tag too.
    Flat {
        name: String,
        #[serde(flatten)]
        skipping: Skipping,
        #[serde(flatten)]
        kind: Internal,
    }
}

any_struct! {
    /// The remaining entries of the map.
    Rest {
        name: String,
        #[serde(flatten)]
        rest: BTreeMap<u32, IpAddr>,
    }
}

any_struct! {
    /// One in another.
    Deep {
        flat: Vec<Tagged>,
        loose: Vec<Loose>,
        tuples: HashMap<String, Tuples>,
        options: Maybe,
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t")]
pub(super) enum Tagged {
    Skipping(Skipping),
    Loose { loose: Vec<Loose>, tuples: Vec<Tuples> },
    Adjacent { of: Option<Adjacent>, untagged: Vec<Untagged> },
}

any! {
    Tagged: |random| match random.u8(..3) {
        0 => Self::Skipping(Any::any(random)),
        1 => Self::Loose { loose: Any::any(random), tuples: Any::any(random) },
        _ => Self::Adjacent { of: Any::any(random), untagged: Any::any(random) },
    };
    HashMap<String, Tuples>: |random| (0..random.usize(..4)).map(|_| (Any::any(random), Any::any(random))).collect();
}
