//! Encoding of field values. The stored form determines a field's kind.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{DecodeError, DecoderMessage, EncodeError, Error};

mod count;
mod depth;
mod pack;

use crate::fields::codec::count::Mismatch;

/// First byte of a value: human-readable MessagePack, structs as maps with names. A later format takes another byte;
/// 0x01 was one that serde's buffer could not read. Below the digits and the minus that begin a counter.
const VALUE: u8 = 0x03;
/// First byte of raw bytes.
const BYTES: u8 = 0x02;

/// The kind of a field. The stored form determines it, so the accessor of another kind returns
/// [`WrongKind`](crate::Error::WrongKind) instead of misreading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldKind {
    /// A typed value, stored as human-readable MessagePack with field names.
    Value,
    /// Raw bytes, stored unchanged.
    Bytes,
    /// An integer that Redis increments.
    Counter,
}

impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::Bytes => "byte string",
            Self::Counter => "counter",
        })
    }
}

impl FieldKind {
    /// The accessors for this kind.
    pub(crate) const fn accessor(self) -> &'static str {
        match self {
            Self::Value => "`get`",
            Self::Bytes => "`get_bytes`",
            Self::Counter => "`counter`, or `get` as an integer,",
        }
    }
}

/// The kind of a stored field; `None` for a format of another version.
pub(crate) fn kind(stored: &[u8]) -> Option<FieldKind> {
    match stored.first()? {
        &VALUE => Some(FieldKind::Value),
        &BYTES => Some(FieldKind::Bytes),
        b'-' | b'0'..=b'9' => Some(FieldKind::Counter),
        _ => None,
    }
}

pub(crate) fn encode_value<T: Serialize + ?Sized>(field: &str, value: &T) -> Result<Vec<u8>, Error> {
    let mut stored = vec![VALUE];
    pack::pack(&mut stored, value)
        .map_err(|error| Error::Encode { field: field.to_owned(), source: EncodeError(error) })?;
    Ok(stored)
}

/// The same, but as a counter if the field is one.
pub(crate) fn encode_like<T: Serialize>(before: Option<FieldKind>, field: &str, value: &T) -> Result<Vec<u8>, Error> {
    let stored = encode_value(field, value)?;
    if before != Some(FieldKind::Counter) {
        return Ok(stored);
    }
    let number = decode_value(field, &stored).map_err(|_| Error::Overflow { field: field.to_owned() })?;
    Ok(encode_counter(number))
}

/// Decodes a value; also a counter, as a type that accepts an integer.
pub(crate) fn decode_value<T: DeserializeOwned>(field: &str, stored: &[u8]) -> Result<T, Error> {
    if kind(stored) == Some(FieldKind::Counter) {
        return count::read(decode_counter(field, stored)?).map_err(|mismatch| match mismatch {
            Mismatch::Kind => Error::WrongKind { field: field.to_owned(), found: FieldKind::Counter },
            Mismatch::Range => Error::Decode { field: field.to_owned(), source: DecodeError::OutOfRange },
        });
    }
    let failed = |error| Error::Decode { field: field.to_owned(), source: DecodeError::Value(DecoderMessage(error)) };
    let packed = payload(field, stored, FieldKind::Value)?;
    if depth::is_too_deep(packed) {
        return Err(failed(rmp_serde::decode::Error::DepthLimitExceeded));
    }
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(packed).with_human_readable();
    T::deserialize(&mut deserializer).map_err(failed)
}

pub(crate) fn encode_bytes(bytes: &[u8]) -> Vec<u8> {
    [&[BYTES], bytes].concat()
}

pub(crate) fn decode_bytes<'a>(field: &str, stored: &'a [u8]) -> Result<&'a [u8], Error> {
    payload(field, stored, FieldKind::Bytes)
}

pub(crate) fn encode_counter(value: i64) -> Vec<u8> {
    value.to_string().into_bytes()
}

pub(crate) fn decode_counter(field: &str, stored: &[u8]) -> Result<i64, Error> {
    let digits = payload(field, stored, FieldKind::Counter)?;
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| unknown_form(field))
}

/// The bytes after the kind byte, if it is the wanted kind.
fn payload<'a>(field: &str, stored: &'a [u8], wanted: FieldKind) -> Result<&'a [u8], Error> {
    match kind(stored) {
        Some(FieldKind::Counter) if wanted == FieldKind::Counter => Ok(stored),
        Some(found) if found == wanted => Ok(&stored[1..]),
        Some(found) => Err(Error::WrongKind { field: field.to_owned(), found }),
        None => Err(unknown_form(field)),
    }
}

fn unknown_form(field: &str) -> Error {
    Error::Decode { field: field.to_owned(), source: DecodeError::UnknownForm }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Cart {
        items: Vec<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct NewerCart {
        items: Vec<String>,
        #[serde(default)]
        coupon: Option<String>,
    }

    #[test]
    fn a_value_reads_back_also_by_a_type_with_more_fields() {
        let stored = encode_value("cart", &Cart { items: vec!["hat".into()] }).expect("encodes");
        assert_eq!(decode_value::<Cart>("cart", &stored).expect("reads").items, ["hat"]);
        let newer = decode_value::<NewerCart>("cart", &stored).expect("reads");
        assert_eq!(newer, NewerCart { items: vec!["hat".into()], coupon: None });
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Size {
        Small,
        Big(u16),
    }

    /// A later form has another first byte, and this one remains readable.
    #[test]
    fn recorded_values_are_still_read() {
        let cart = Cart { items: vec!["hat".into()] };
        assert_eq!(decode_value::<Cart>("x", b"\x03\x81\xa5items\x91\xa3hat").expect("reads"), cart);
        assert_eq!(decode_value::<Size>("x", b"\x03\xa5Small").expect("reads"), Size::Small);
        assert_eq!(decode_value::<Size>("x", b"\x03\x81\xa3Big\xcd\x01\x2c").expect("reads"), Size::Big(300));
        assert_eq!(decode_value::<Option<bool>>("x", b"\x03\xc0").expect("reads"), None);
        assert_eq!(decode_value::<(i8, f64)>("x", b"\x03\x92\xf9\xcb\x3f\xf8\0\0\0\0\0\0").expect("reads"), (-7, 1.5));
        assert_eq!(decode_bytes("x", b"\x02raw").expect("reads"), b"raw");
        assert_eq!(decode_counter("x", b"-7").expect("reads"), -7);
        assert_eq!(
            encode_value("x", &cart).expect("encodes"),
            b"\x03\x81\xa5items\x91\xa3hat",
            "an older server reads it"
        );
    }

    #[test]
    fn each_kind_is_read_only_by_its_own_accessor() {
        let forms = [encode_value("x", &true).expect("encodes"), encode_bytes(b"7"), encode_counter(-7)];
        for (stored, own) in forms.iter().zip([FieldKind::Value, FieldKind::Bytes, FieldKind::Counter]) {
            assert_eq!(kind(stored), Some(own));
            let wrong =
                |answer: Result<(), Error>| matches!(answer, Err(Error::WrongKind { found, .. }) if found == own);
            assert_eq!(wrong(decode_value::<bool>("x", stored).map(drop)), own != FieldKind::Value);
            assert_eq!(wrong(decode_bytes("x", stored).map(drop)), own != FieldKind::Bytes);
            assert_eq!(wrong(decode_counter("x", stored).map(drop)), own != FieldKind::Counter);
        }
    }

    #[test]
    fn a_form_of_another_version_is_an_error_of_that_field_alone() {
        for stored in [&[][..], &[0x01, 1], &[0x04, 1], b"x"] {
            assert_eq!(kind(stored), None);
            let answer = decode_value::<i32>("x", stored);
            assert!(matches!(answer, Err(Error::Decode { source: DecodeError::UnknownForm, .. })));
        }
    }

    #[test]
    fn a_decode_error_quotes_the_value_only_on_request() {
        #[derive(Debug, serde::Deserialize)]
        enum Known {}
        let stored = encode_value("x", &"a secret").expect("encodes");
        let error = decode_value::<Known>("x", &stored).expect_err("no variant");
        let Error::Decode { source, .. } = &error else { panic!("{error:?}") };
        let DecodeError::Value(message) = source else { panic!("{source:?}") };
        assert!(source.message().is_some_and(|message| message.contains("a secret")));
        let inner = std::error::Error::source(source).map(ToString::to_string);
        let shown = format!("{error} {error:?} {source} {source:?} {message:?} {inner:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn counters_keep_all_64_bits() {
        for number in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(decode_counter("x", &encode_counter(number)).expect("reads"), number);
        }
    }
}
