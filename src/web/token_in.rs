//! Where a token comes in and goes out: a cookie or a header.

pub(crate) mod carrier;
pub(crate) mod cookie;
pub(crate) mod cookie_settings;
pub(crate) mod header;
pub(crate) mod presented;
pub(crate) mod set_cookie;
pub(crate) mod withheld;
