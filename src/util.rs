//! Small utilities that do not depend on sessions.

pub(crate) mod boxed;
pub(crate) mod clock;
pub(crate) mod rarely;
pub(crate) mod uncancelled;
