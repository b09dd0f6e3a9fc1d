//! What must hold for any bytes that come from outside: a function for each parser, which panics if a property does not hold.
//!
//! `cargo fuzz` calls them with bytes that it makes up, and a test with every file of `fuzz/seeds`. In no other build.

mod codec;
#[cfg(any(feature = "actix-web", feature = "axum"))]
mod cookie;
#[cfg(any(feature = "actix-web", feature = "axum"))]
mod forwarded;
#[cfg(any(feature = "actix-web", feature = "axum"))]
mod head;
mod load;
mod metadata;
#[cfg(any(feature = "actix-web", feature = "axum"))]
mod origin;
mod replies;
mod resp;
#[cfg(test)]
mod seeds;
mod token;
mod url;

pub use self::codec::codec;
#[cfg(any(feature = "actix-web", feature = "axum"))]
pub use self::cookie::cookie;
#[cfg(any(feature = "actix-web", feature = "axum"))]
pub use self::forwarded::forwarded;
pub use self::load::load;
pub use self::metadata::metadata;
#[cfg(any(feature = "actix-web", feature = "axum"))]
pub use self::origin::origin;
pub use self::replies::replies;
pub use self::resp::resp;
pub use self::token::token;
pub use self::url::url;
