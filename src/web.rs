//! Sessions in web servers: the cookie, and what a response has to carry.
//!
//! Framework-free: `cookie` (read), `set_cookie` (write), `config`, `policy` (what to save and to set), `caching`,
//! `answer` (an error as a response), `refusal` (who is not let in), `origin` (where a request comes from) and `slot` (one
//! load per request). For axum: `layer`, `extract`, `user`, `fresh`, `respond`, `csrf`.

mod answer;
mod caching;
mod config;
mod cookie;
mod csrf;
mod extract;
mod fresh;
mod layer;
mod origin;
mod policy;
mod refusal;
mod respond;
mod set_cookie;
mod slot;
mod user;

pub use config::{SameSite, SessionCookie};
pub use csrf::{CsrfLayer, CsrfService, MissingOrigin};
pub use fresh::RequireFresh;
pub use layer::{SessionLayer, SessionService};
pub use policy::SaveOn;
pub use refusal::UserRejection;
pub use user::User;
