//! Small tools without knowledge of sessions.

pub(crate) mod boxed;
pub(crate) mod clock;
pub(crate) mod rarely;
pub(crate) mod uncancelled;
