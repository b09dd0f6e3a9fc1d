//! Sessions in web servers: the cookie, and what a response has to carry.
//!
//! All decisions are framework-free, on the bytes of heads (`head`). In: `carrier` (`cookie` or `header`: where the token
//! is), `client` and `proxies` (who asks), `slot` (one load per request), `passive` (which loads are no use), `withheld` (whose cookie may be missing), `origin`, `handshake` and `csrf` (where a request comes from). Out:
//! `policy` (what to save and to say), `set_cookie`, `caching`, `finish` (all of that, in order), `answer` (an error as a
//! response), `refusal` (who is not let in). `axum` and `actix` only carry heads in and out.

#[cfg(feature = "actix-web")]
mod actix;
mod answer;
#[cfg(feature = "axum")]
mod axum;
mod caching;
mod carrier;
mod client;
mod config;
mod cookie;
mod csrf;
mod finish;
mod fresh;
mod handshake;
mod head;
mod header;
mod layer;
mod origin;
mod passive;
mod policy;
mod presented;
mod proxies;
mod read;
mod refusal;
mod set_cookie;
mod slot;
mod user;
mod withheld;

#[cfg(feature = "actix-web")]
pub use self::actix::{CsrfMiddleware, SessionMiddleware};
#[cfg(feature = "axum")]
pub use self::axum::{CsrfService, SessionService};
pub use config::{SameSite, SessionCookie};
pub use csrf::{CsrfLayer, MissingOrigin};
pub use fresh::RequireFresh;
pub use header::SessionHeader;
pub use layer::SessionLayer;
pub use passive::RequestView;
pub use policy::SaveOn;
pub use proxies::TrustedProxies;
pub use read::ReadSession;
pub use refusal::UserRejection;
pub use user::User;
