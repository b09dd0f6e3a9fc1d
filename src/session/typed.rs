//! Fields by name and type. No I/O: changes are sent by `save`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::error::Error;
use crate::fields::codec;
use crate::fields::codec::FieldKind;

impl Session {
    /// Reads a field; `None` if there is none of this name.
    ///
    /// What [`insert`](Self::insert) wrote, and a counter as any integer type: as of the load or its last increment here.
    ///
    /// # Errors
    /// [`Error::WrongKind`] or [`Error::Decode`] if it does not read as `T`, or if a counter is out of the range of `T`; the
    /// session is not affected.
    #[doc(alias = "value")]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.state().fields.get(name).map(|stored| codec::decode_value(name, stored)).transpose()
    }

    /// Reads a field that has to be there.
    ///
    /// # Errors
    /// [`Error::Missing`] if it is not, and as [`get`](Self::get).
    pub fn require<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.get(name)?.ok_or_else(|| Error::Missing { field: name.to_owned() })
    }

    /// Reads a field, or answers this value. A stored `None` is a value.
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

    /// What kind of field this is; `None` if there is none, or if a newer version wrote it.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<FieldKind> {
        self.state().fields.get(name).and_then(codec::kind)
    }

    /// The names of all fields, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.state().fields.iter().map(|(name, _)| name.to_owned()).collect()
    }

    /// Every value as a `T`, by name, and if `T` is an integer type every counter; fields of other kinds are left out.
    ///
    /// # Errors
    /// [`Error::Decode`] for the first that does not read as `T`.
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

    /// Writes a field, whatever it was before. The same value again is no change.
    ///
    /// What it accepts, [`get`](Self::get) returns equal, for every type whose `Serialize` and `Deserialize` belong together:
    /// stored is MessagePack with names, for which `is_human_readable` is true. As in JSON, serde itself loses or mixes up:
    /// - `Some` of what is stored as nothing (`Some(None)`, `Some(())`, `Some` of a unit struct): it reads back as `None`;
    /// - within what is tagged inside, untagged or flattened: integers of 128 bits, which do not read back;
    /// - variants of an untagged enum that look alike: the first of them is read;
    /// - a flattened map whose keys are sequences, maps or names of the fields beside it, which does not read back;
    /// - two fields of one name, as a tag that meets a field of the content, or a flattened struct with a field of the outer one's:
    ///   these do not read back either;
    /// - what a type's own `Serialize` leaves out, as that of `SocketAddrV6` leaves out the flow label.
    ///
    /// # Errors
    /// [`Error::Encode`] if the value cannot be stored, or could not be read: nested more than 256 levels deep, or of another
    /// length than its `Serialize` announced. [`Error::Limit`]. In both cases nothing is changed. [`Error::Gone`] after the session's end; [`Error::TooLate`] once the response has begun.
    #[doc(alias = "set_value")]
    pub fn insert<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), Error> {
        self.put(name, codec::encode_value(name, value)?)
    }

    /// Reads raw bytes; `None` if there is no field of this name.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if it is not bytes.
    pub fn get_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let state = self.state();
        state.fields.get(name).map(|stored| codec::decode_bytes(name, stored).map(<[u8]>::to_vec)).transpose()
    }

    /// Writes raw bytes, stored as they are.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn insert_bytes(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.put(name, codec::encode_bytes(bytes))
    }

    /// Reads a counter as of the load or its last increment here; `None` if there is no field of this name.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if it is not a counter.
    pub fn counter(&self, name: &str) -> Result<Option<i64>, Error> {
        self.state().fields.get(name).map(|stored| codec::decode_counter(name, stored)).transpose()
    }

    /// Removes a field of any kind and answers whether there was one.
    ///
    /// # Errors
    /// [`Error::Gone`] after the session's end; [`Error::TooLate`] once the response has begun.
    #[doc(alias = "del_value")]
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        self.refuse_change()?;
        Ok(self.state().fields.remove(name).is_some())
    }

    /// Reads a field and removes it. One that does not read as `T` stays.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`remove`](Self::remove).
    pub fn pop<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.refuse_change()?;
        let value = self.get(name)?;
        if value.is_some() {
            self.state().fields.remove(name);
        }
        Ok(value)
    }

    /// Reads a field, or writes what the function makes and answers that.
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

    /// Reads a field, or writes this value and answers it.
    ///
    /// # Errors
    /// As [`get_or_insert_with`](Self::get_or_insert_with).
    pub fn get_or_insert<T: Serialize + DeserializeOwned>(&self, name: &str, value: T) -> Result<T, Error> {
        self.get_or_insert_with(name, || value)
    }

    /// Changes a field by a function and answers its new value; a missing one begins as the default. A counter stays one.
    ///
    /// Of two requests that update the same field at once, the later save wins; [`increment`](Self::increment) is
    /// atomic, and [`save_if_unchanged`](Self::save_if_unchanged) tells.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`insert`](Self::insert); [`Error::Overflow`] if a counter would leave the range of `i64`.
    pub fn update<T: Serialize + DeserializeOwned + Default>(
        &self,
        name: &str,
        change: impl FnOnce(&mut T),
    ) -> Result<T, Error> {
        let mut value = self.get(name)?.unwrap_or_default();
        change(&mut value);
        self.put(name, codec::encode_like(self.kind(name), name, &value)?)?;
        Ok(value)
    }

    /// Removes every field, also those that another request wrote since the load.
    ///
    /// # Errors
    /// [`Error::Gone`] after the session's end; [`Error::TooLate`] once the response has begun.
    pub fn clear(&self) -> Result<(), Error> {
        self.refuse_change()?;
        let mut state = self.state();
        if state.live().is_some() {
            state.fields.clear()
        } else {
            state.fields.clear_draft()
        }
        Ok(())
    }

    /// Sets a field if the session would keep its limits with it.
    pub(super) fn put(&self, name: &str, stored: Vec<u8>) -> Result<(), Error> {
        self.refuse_change()?;
        let limits = &self.sessions().settings().limits;
        limits.check_field(name, &stored)?;
        let mut state = self.state();
        Ok(state.fields.set_within(limits, name, stored)?)
    }
}
