//! Sessions in web servers: the cookie, and the response's headers.
//!
//! All decisions are framework-free and work on the bytes of heads (`head`). Request: `token_in` (cookie or header, and
//! the token in it), `client` and `proxies` (the client's address), `slot` (one load per request), `passive` (requests
//! that are no use), `csrf` (the request's origin, WebSocket handshakes, the CSRF token). Response: `policy` (what to
//! save and what to send), `caching`, `finish` (all of it, in order), `error_response`. `extract` has the extractors.
//! `axum` and `actix` only convert heads.

pub(crate) mod error_response;
pub(crate) mod extract;
pub(crate) mod token_in;

#[cfg(feature = "actix-web")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
mod caching;
mod client;
mod csrf;
mod finish;
mod head;
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
