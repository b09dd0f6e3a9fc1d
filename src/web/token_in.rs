//! The token in requests and responses: in a cookie or a header.

pub(crate) mod carrier;
pub(crate) mod cookie;
pub(crate) mod cookie_settings;
pub(crate) mod header;
pub(crate) mod presented;
pub(crate) mod set_cookie;
pub(crate) mod withheld;
