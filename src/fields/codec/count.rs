//! A counter read as an integer type.

use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Decodes a counter's value as a type that accepts an integer.
pub(crate) fn read<T: DeserializeOwned>(value: i64) -> Result<T, Mismatch> {
    T::deserialize(Count(value))
}

/// Why a counter cannot be decoded as a type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The type does not accept an integer.
    Kind,
    /// The integer is out of range for the type.
    Range,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "not an integer type",
            Self::Range => "out of range",
        })
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    /// The type's own message may quote the value.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Range
    }

    fn invalid_type(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::Kind
    }
}

struct Count(i64);

impl Count {
    fn visited<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match u64::try_from(self.0) {
            Ok(value) => visitor.visit_u64(value),
            Err(_) => visitor.visit_i64(self.0),
        }
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.visited(visitor)
        }
    )*};
}

/// Deserializes an integer only for types that ask for one.
impl<'de> Deserializer<'de> for Count {
    type Error = Mismatch;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    /// A type that accepts anything is a value; a float would lose the lower bits.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mismatch> {
        Err(Mismatch::Kind)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::*;

    #[test]
    fn every_integer_type_reads_a_counter_in_its_range() {
        assert_eq!(read::<i64>(i64::MIN), Ok(i64::MIN));
        assert_eq!(read::<u64>(i64::MAX), Ok(i64::MAX as u64));
        assert_eq!((read::<i8>(-128), read::<i8>(-129)), (Ok(-128), Err(Mismatch::Range)));
        assert_eq!((read::<u8>(255), read::<u8>(256)), (Ok(255), Err(Mismatch::Range)));
        assert_eq!((read::<i16>(9), read::<u16>(-1)), (Ok(9), Err(Mismatch::Range)));
        assert_eq!((read::<i32>(9), read::<u32>(1 << 32)), (Ok(9), Err(Mismatch::Range)));
        assert_eq!((read::<usize>(9), read::<u64>(-1)), (Ok(9), Err(Mismatch::Range)));
        assert_eq!((read::<i128>(-9), read::<u128>(9)), (Ok(-9), Ok(9)));
        assert_eq!((read::<NonZeroU8>(0), read::<u128>(-1)), (Err(Mismatch::Range), Err(Mismatch::Range)));
    }

    #[test]
    fn a_wrapped_integer_type_reads_a_counter() {
        assert_eq!(read::<Option<u8>>(7), Ok(Some(7)));
        assert_eq!(read::<std::num::Wrapping<i32>>(-7), Ok(std::num::Wrapping(-7)));
    }

    #[test]
    fn a_non_integer_type_reads_no_counter() {
        assert_eq!(read::<bool>(1), Err(Mismatch::Kind));
        assert_eq!(read::<f64>(1), Err(Mismatch::Kind));
        assert_eq!(read::<char>(65), Err(Mismatch::Kind));
        assert_eq!(read::<String>(1), Err(Mismatch::Kind));
        assert_eq!(read::<()>(0), Err(Mismatch::Kind));
        assert_eq!(read::<Vec<u8>>(1), Err(Mismatch::Kind));
        assert_eq!(read::<(u8, u8)>(1), Err(Mismatch::Kind));
        assert_eq!(read::<std::collections::HashMap<u8, u8>>(1), Err(Mismatch::Kind));
        assert_eq!(read::<std::time::Duration>(1), Err(Mismatch::Kind));
        assert_eq!(read::<Result<u8, u8>>(1), Err(Mismatch::Kind));
        assert_eq!(read::<serde_json::Value>(1), Err(Mismatch::Kind));
    }
}
