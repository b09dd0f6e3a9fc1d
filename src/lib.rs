//! Redis-backed distributed sessions for async web servers: the server keeps the coat, the client keeps a ticket.
//!
//! Session data is in a store: one Redis server, a master behind Sentinels, or a Cluster, shared by any number of app
//! servers; or an embedded store in the process. The client holds an opaque token in a cookie. Loading takes one round
//! trip, login and logout are atomic, and an ended session never comes back, whatever is in flight.
//!
//! - [`Sessions`] is the entry point: [`Sessions::builder`], [`open`](Sessions::open),
//!   [`revoke_user`](Sessions::revoke_user), [`spawn_sweeper`](Sessions::spawn_sweeper).
//! - [`Session`] is one session within one request: fields, [`login`](Session::login), [`logout`](Session::logout).
//! - [`UserSessions`] lists, counts and revokes the sessions of one user. [`Durable`] waits until replicas have the end
//!   too.
//! - [`doctor`](Sessions::doctor) reports server settings that put sessions at risk.
#![cfg_attr(
    any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session"),
    doc = "- [`compat`] has drop-in stores for tower-sessions, axum-login and actix-session: one line changes."
)]
#![cfg_attr(
    any(feature = "actix-web", feature = "axum"),
    doc = "- [`SessionLayer`] gives handlers of axum and actix-web their [`Session`] or [`User`], and saves before the response is sent.\n  [`CsrfLayer`] rejects requests forged by other sites."
)]
//!
//! [`Error`] means that the system failed. A missing, ended or refused session is a return value. The [`guide`]
//! describes the design and the guarantees, each with its test.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use cloakroom::{ClientInfo, LoginOutcome, Login, Sessions};
//!
//! let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
//!
//! // A visitor's first request.
//! let session = sessions.open(None, ClientInfo::new()).await?;
//! session.insert("cart", &["hat"])?;
//! session.save().await?.into_result()?;
//! let token = session.token().expect("a new session has one").reveal();
//!
//! // A later one, on any server: log in and keep the cart.
//! let session = sessions.open(Some(token.as_str()), ClientInfo::new()).await?;
//! assert!(matches!(session.login(Login::new("ada").keep(["cart"])).await?, LoginOutcome::As(_)));
//! assert_eq!(session.require::<Vec<String>>("cart")?, ["hat"]);
//!
//! // Log out everywhere at once.
//! assert_eq!(sessions.revoke_user("ada").await?.ended, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session"))]
pub mod compat;
mod config;
mod doctor;
mod end;
mod error;
mod fields;
pub mod guide;
mod identity;
mod session;
mod sessions;
mod store;
#[cfg(feature = "test-util")]
mod testing;
mod util;
#[cfg(any(feature = "actix-web", feature = "axum"))]
mod web;

pub use crate::config::binding::ClientBinding;
pub use crate::config::limits::{LimitExceeded, Limits};
pub use crate::config::timeouts::{Timeout, Timeouts};
pub use crate::fields::codec::FieldKind;
pub use crate::identity::client::ClientInfo;
pub use crate::identity::id::{InvalidSessionId, SessionId};
pub use crate::identity::token::{InvalidToken, SessionToken};
pub use crate::session::login_request::{Login, LoginOutcome, LoginTicket};
pub use crate::sessions::builder::{Builder, ConnectError};
pub use crate::sessions::durable::{Durable, DurableEnd, DurableLogout, DurableUser};
pub use crate::sessions::sweeper::{Sweeper, Swept};
pub use crate::sessions::user::{SessionInfo, UserSessions};
#[cfg(feature = "test-util")]
pub use crate::testing::{AsCluster, TestCookie, TestKit};
pub use crate::util::clock::ManualClock;
#[cfg(feature = "tls")]
pub use config::tls::Tls;
pub use config::{Cap, ConfigError};
pub use doctor::{Finding, Severity};
pub use end::EndReason;
pub use error::{DecodeError, DecoderMessage, EncodeError, Error, Outage, RandomError};
pub use session::{CookieChange, EndOutcome, RotateOutcome, SaveOutcome, Session};
pub use sessions::{Progress, Revoked, Sessions};
#[cfg(any(feature = "actix-web", feature = "axum"))]
pub use web::{
    CsrfLayer, MissingOrigin, ReadSession, RequestView, RequireFresh, SameSite, SaveOn, SessionCookie, SessionHeader,
    SessionLayer, TrustedProxies, User, UserRejection,
};
#[cfg(feature = "actix-web")]
pub use web::{CsrfMiddleware, SessionMiddleware};
#[cfg(feature = "axum")]
pub use web::{CsrfService, SessionService};
