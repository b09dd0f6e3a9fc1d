//! Sessions in web servers: the cookie, and what a response has to carry.
//!
//! All decisions are framework-free, on the bytes of heads (`head`). In: `carrier` (`cookie` or `header`: where the token
//! is), `client` and `proxies` (who asks), `slot` (one load per request), `passive` (which loads are no use), `withheld` (whose cookie may be missing), `origin`, `handshake` and `csrf` (where a request comes from). Out:
//! `policy` (what to save and to say), `set_cookie`, `caching`, `finish` (all of that, in order), `answer` (an error as a
//! response), `refusal` (who is not let in). `axum` and `actix` only carry heads in and out.

pub(crate) mod error_response;
pub(crate) mod extract;
pub(crate) mod token_in;

#[cfg(feature = "actix-web")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
mod caching;
mod client;
pub(crate) mod csrf;
mod finish;
pub(crate) mod head;
mod layer;
mod passive;
mod policy;
mod proxies;
mod slot;

#[cfg(feature = "actix-web")]
pub use self::actix::{CsrfMiddleware, SessionMiddleware};
#[cfg(feature = "axum")]
pub use self::axum::{CsrfService, SessionService};
pub use crate::web::extract::fresh::RequireFresh;
pub use crate::web::extract::read::ReadSession;
pub use crate::web::extract::refusal::UserRejection;
pub use crate::web::extract::user::User;
pub use crate::web::token_in::cookie_settings::{SameSite, SessionCookie};
pub use crate::web::token_in::header::SessionHeader;
pub use csrf::{CsrfLayer, MissingOrigin};
pub use layer::SessionLayer;
pub use passive::RequestView;
pub use policy::SaveOn;
pub use proxies::TrustedProxies;
