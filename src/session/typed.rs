//! Typed field access by name. No I/O: `save` sends the changes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::error::Error;
use crate::fields::codec;
use crate::fields::codec::FieldKind;

impl Session {
    /// Reads a field; `None` if there is no field of this name.
    ///
    /// Reads what [`insert`](Self::insert) wrote, and a counter as any integer type. Values are as of the load or the
    /// last increment by this handle.
    ///
    /// # Errors
    /// [`Error::WrongKind`] or [`Error::Decode`] if it cannot be read as `T`, or if a counter is out of range for `T`;
    /// the session is not affected.
    #[doc(alias = "value")]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.state().fields.get(name).map(|stored| codec::decode_value(name, stored)).transpose()
    }

    /// Reads a required field.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none; otherwise as [`get`](Self::get).
    pub fn require<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.get(name)?.ok_or_else(|| Error::Missing { field: name.to_owned() })
    }

    /// Reads a field, or returns the default if there is none. A stored `None` counts as a value.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_or<T: DeserializeOwned>(&self, name: &str, default: T) -> Result<T, Error> {
        Ok(self.get(name)?.unwrap_or(default))
    }

    /// Whether there is a field of this name, of any kind.
    #[must_use]
    #[doc(alias = "has_value")]
    pub fn contains(&self, name: &str) -> bool {
        self.state().fields.get(name).is_some()
    }

    /// The field's kind; `None` if there is no such field, or if a newer version wrote it.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<FieldKind> {
        self.state().fields.get(name).and_then(codec::kind)
    }

    /// The names of all fields, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.state().fields.iter().map(|(name, _)| name.to_owned()).collect()
    }

    /// Reads all fields that hold a value as `T`, by name, including counters if `T` is an integer type. Other kinds
    /// are skipped.
    ///
    /// # Errors
    /// [`Error::Decode`] for the first that cannot be read as `T`.
    #[doc(alias = "iter")]
    #[doc(alias = "items")]
    pub fn values<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>, Error> {
        let state = self.state();
        let known = state.fields.iter().filter(|(_, stored)| codec::kind(stored).is_some());
        let values = known.filter_map(|(name, stored)| match codec::decode_value(name, stored) {
            Err(Error::WrongKind { .. }) => None,
            value => Some(value.map(|value| (name.to_owned(), value))),
        });
        values.collect()
    }

    /// Writes a field of any previous kind. Writing the same value is not a change.
    ///
    /// [`get`](Self::get) returns every accepted value equal, for each type whose `Serialize` and `Deserialize` match.
    /// The format is MessagePack with field names; `is_human_readable` is true. As in JSON, serde itself loses or
    /// confuses:
    /// - `Some` of a value that is stored as nothing (`Some(None)`, `Some(())`, `Some` of a unit struct): reads back as
    ///   `None`;
    /// - 128-bit integers within internally tagged, untagged or flattened types: do not read back;
    /// - variants of an untagged enum that look alike: the first match is read;
    /// - a flattened map whose keys are sequences, maps or names of sibling fields: does not read back;
    /// - two fields of one name, such as a tag and a field of its content, or a flattened struct and its outer struct:
    ///   do not read back;
    /// - what a type's own `Serialize` omits, such as the flow label of `SocketAddrV6`.
    ///
    /// # Errors
    /// [`Error::Encode`] if the value cannot be stored or could not be read back: nested more than 256 levels deep, or
    /// of another length than its `Serialize` announced. [`Error::Limit`]. In both cases nothing is changed.
    /// [`Error::Gone`] after the session's end; [`Error::TooLate`] once the response has begun.
    #[doc(alias = "set_value")]
    pub fn insert<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), Error> {
        self.put(name, codec::encode_value(name, value)?)
    }

    /// Reads raw bytes; `None` if there is no field of this name.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if the field is not bytes.
    pub fn get_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let state = self.state();
        state.fields.get(name).map(|stored| codec::decode_bytes(name, stored).map(<[u8]>::to_vec)).transpose()
    }

    /// Writes raw bytes, stored unchanged.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn insert_bytes(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.put(name, codec::encode_bytes(bytes))
    }

    /// Reads a counter, as of the load or the last increment by this handle; `None` if there is no field of this name.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if the field is not a counter.
    pub fn counter(&self, name: &str) -> Result<Option<i64>, Error> {
        self.state().fields.get(name).map(|stored| codec::decode_counter(name, stored)).transpose()
    }

    /// Removes a field of any kind; returns whether it existed.
    ///
    /// # Errors
    /// [`Error::Gone`] after the session's end; [`Error::TooLate`] once the response has begun.
    #[doc(alias = "del_value")]
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        let mut state = self.state();
        state.refuse_change()?;
        Ok(state.fields.remove(name))
    }

    /// Reads and removes a field. A field that cannot be read as `T` stays.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`remove`](Self::remove).
    pub fn pop<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let mut state = self.state();
        state.refuse_change()?;
        let value = state.fields.get(name).map(|stored| codec::decode_value(name, stored)).transpose()?;
        state.fields.remove(name);
        Ok(value)
    }

    /// Reads a field, or writes the function's result and returns it.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`insert`](Self::insert).
    #[doc(alias = "setdefault")]
    pub fn get_or_insert_with<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        make: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        if let Some(value) = self.get(name)? {
            return Ok(value);
        }
        let value = make();
        self.insert(name, &value)?;
        Ok(value)
    }

    /// Reads a field, or writes this value and returns it.
    ///
    /// # Errors
    /// As [`get_or_insert_with`](Self::get_or_insert_with).
    pub fn get_or_insert<T: Serialize + DeserializeOwned>(&self, name: &str, value: T) -> Result<T, Error> {
        self.get_or_insert_with(name, || value)
    }

    /// Changes a field by a function and returns the new value. A missing field starts at the default. A counter stays
    /// a counter.
    ///
    /// If two requests update the same field concurrently, the later save wins. [`increment`](Self::increment) is
    /// atomic, and [`save_if_unchanged`](Self::save_if_unchanged) detects the conflict.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`insert`](Self::insert); [`Error::Overflow`] if a counter would leave the range of `i64`.
    pub fn update<T: Serialize + DeserializeOwned + Default>(
        &self,
        name: &str,
        change: impl FnOnce(&mut T),
    ) -> Result<T, Error> {
        let read = |stored| Ok::<(_, T), Error>((codec::kind(stored), codec::decode_value(name, stored)?));
        let found = self.state().fields.get(name).map(read).transpose()?;
        let (kind, mut value) = found.unwrap_or_default();
        change(&mut value);
        self.put(name, codec::encode_like(kind, name, &value)?)?;
        Ok(value)
    }

    /// Removes all fields, including those that other requests wrote since the load.
    ///
    /// # Errors
    /// [`Error::Gone`] after the session's end; [`Error::TooLate`] once the response has begun.
    pub fn clear(&self) -> Result<(), Error> {
        let mut state = self.state();
        state.refuse_change()?;
        if state.live().is_some() {
            state.fields.clear()
        } else {
            state.fields.clear_draft()
        }
        Ok(())
    }

    /// Sets a field if the session stays within its limits.
    pub(super) fn put(&self, name: &str, stored: Vec<u8>) -> Result<(), Error> {
        let limits = &self.sessions().settings().limits;
        let mut state = self.state();
        state.refuse_change()?;
        limits.check_field(name, &stored)?;
        Ok(state.fields.set_within(limits, name, stored)?)
    }
}
