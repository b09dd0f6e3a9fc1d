//! The stored layout: keys, metadata, fields.

pub(crate) mod constants;
pub(crate) mod fields;
pub(crate) mod keys;
pub(crate) mod meta;
pub(crate) mod new_fields;
