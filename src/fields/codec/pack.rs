//! Encodes values as MessagePack that decodes again, also through serde's buffer for tagged, untagged and flattened
//! types.
//!
//! Unlike in `rmp_serde` alone, a unit struct is nil, as serde's buffer expects. Values that would not decode are
//! rejected: a sequence or map whose length differs from the announced one, and nesting of more than [`DEEPEST`]
//! levels.

use rmp_serde::encode::Error;
use serde::ser::{self, Error as _, Serialize, Serializer};

/// Limit of nesting. serde_json reads 128 levels; deeper values are rarely intended, and decoding takes stack for each
/// level.
const DEEPEST: u16 = 256;

/// Appends a value's MessagePack.
pub(crate) fn pack<T: Serialize + ?Sized>(packed: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    let mut serializer = rmp_serde::Serializer::new(packed).with_struct_map().with_human_readable();
    value.serialize(Packer { inner: &mut serializer, level: 0 })
}

/// A serializer that forwards everything but the cases in the module's documentation.
struct Packer<S> {
    inner: S,
    level: u16,
}

/// A part of a value, one level deeper.
struct Part<'a, T: ?Sized> {
    value: &'a T,
    level: u16,
}

impl<T: Serialize + ?Sized> Serialize for Part<'_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Packer { inner, level: self.level })
    }
}

impl<S: Serializer> Packer<S> {
    const fn part<'a, T: ?Sized>(&self, value: &'a T) -> Part<'a, T> {
        Part { value, level: self.level }
    }

    /// A compound, one level deeper.
    fn parts<C>(
        self,
        announced: Option<usize>,
        open: impl FnOnce(S) -> Result<C, S::Error>,
    ) -> Result<CountedParts<C>, S::Error> {
        if self.level == DEEPEST {
            return Err(S::Error::custom(format_args!("it is nested more than {DEEPEST} levels deep")));
        }
        Ok(CountedParts { level: self.level + 1, announced, came: 0, inner: open(self.inner)? })
    }
}

macro_rules! passed_on {
    ($($method:ident($kind:ty);)*) => {$(
        fn $method(self, value: $kind) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<S: Serializer> Serializer for Packer<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = CountedParts<S::SerializeSeq>;
    type SerializeTuple = CountedParts<S::SerializeTuple>;
    type SerializeTupleStruct = CountedParts<S::SerializeTupleStruct>;
    type SerializeTupleVariant = CountedParts<S::SerializeTupleVariant>;
    type SerializeMap = CountedParts<S::SerializeMap>;
    type SerializeStruct = CountedParts<S::SerializeStruct>;
    type SerializeStructVariant = CountedParts<S::SerializeStructVariant>;

    passed_on! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let part = self.part(value);
        self.inner.serialize_some(&part)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        let part = self.part(value);
        self.inner.serialize_newtype_struct(name, &part)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        // A map of one entry is a level too.
        let outer = self.parts(None, Ok)?;
        outer.inner.serialize_newtype_variant(name, index, variant, &Part { value, level: outer.level })
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.parts(length, |inner| inner.serialize_seq(length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.parts(Some(length), |inner| inner.serialize_tuple(length))
    }

    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.parts(Some(length), |inner| inner.serialize_tuple_struct(name, length))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.parts(Some(length), |inner| inner.serialize_tuple_variant(name, index, variant, length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.parts(length, |inner| inner.serialize_map(length))
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.parts(Some(length), |inner| inner.serialize_struct(name, length))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.parts(Some(length), |inner| inner.serialize_struct_variant(name, index, variant, length))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A compound that counts its parts: announced and written.
struct CountedParts<C> {
    inner: C,
    level: u16,
    announced: Option<usize>,
    came: usize,
}

impl<C> CountedParts<C> {
    const fn part<'a, T: ?Sized>(&self, value: &'a T) -> Part<'a, T> {
        Part { value, level: self.level }
    }

    /// Ends the compound if all announced parts were written: the length is stored in front.
    fn whole<E: ser::Error>(self) -> Result<C, E> {
        match self.announced {
            Some(announced) if announced != self.came => {
                Err(E::custom(format_args!("its type announced {announced} elements and wrote {}", self.came)))
            }
            _ => Ok(self.inner),
        }
    }
}

macro_rules! elements {
    ($($of:ident::$method:ident;)*) => {$(
        impl<C: ser::$of> ser::$of for CountedParts<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.came += 1;
                let part = self.part(value);
                self.inner.$method(&part)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.whole::<C::Error>()?.end()
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! named_fields {
    ($($of:ident)*) => {$(
        impl<C: ser::$of> ser::$of for CountedParts<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), C::Error> {
                self.came += 1;
                let part = self.part(value);
                self.inner.serialize_field(name, &part)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.whole::<C::Error>()?.end()
            }
        }
    )*};
}

named_fields! { SerializeStruct SerializeStructVariant }

impl<C: ser::SerializeMap> ser::SerializeMap for CountedParts<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.came += 1;
        let part = self.part(key);
        self.inner.serialize_key(&part)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let part = self.part(value);
        self.inner.serialize_value(&part)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.whole::<C::Error>()?.end()
    }
}
