//! Redis-backed distributed sessions for async web servers: the server keeps the coat, the client keeps a ticket.
//!
//! A session's data is in the store, a Redis that any number of app servers share or one embedded in the process; the
//! client holds an opaque token in a cookie. Loading takes one round trip, login and logout are atomic, and a session
//! that has ended never comes back, whatever is in flight.
//!
//! - [`Sessions`] is where everything starts: [`Sessions::builder`], [`open`](Sessions::open),
//!   [`revoke_user`](Sessions::revoke_user), [`spawn_sweeper`](Sessions::spawn_sweeper).
//! - [`Session`] is one session as one request sees it: fields, [`login`](Session::login), [`logout`](Session::logout).
//! - [`UserSessions`] is all sessions of one user: list, count, revoke.
#![cfg_attr(
    feature = "axum",
    doc = "- [`SessionLayer`] gives axum's handlers their [`Session`] or [`User`], and saves before the response leaves;\n  [`CsrfLayer`] refuses what other sites' pages send in their name."
)]
//!
//! [`Error`] means that the system failed; "there is none", "it has ended", "it was refused" are answers. The
//! [`guide`] has the design and the guarantees, each with the test that shows it.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use cloakroom::{ClientInfo, LoggedIn, Login, Sessions};
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
//! assert!(matches!(session.login(Login::new("ada").keep(["cart"])).await?, LoggedIn::As(_)));
//! assert_eq!(session.require::<Vec<String>>("cart")?, ["hat"]);
//!
//! // And everywhere at once, out again.
//! assert_eq!(sessions.revoke_user("ada").await?.ended, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod builder;
mod client;
mod clock;
mod codec;
mod config;
mod csrf;
mod doctor;
mod durable;
mod end;
mod error;
mod fields;
pub mod guide;
mod id;
mod limits;
mod login;
mod open;
mod session;
mod sessions;
mod store;
mod sweeper;
mod timeout;
mod token;
mod user;
mod walk;
#[cfg(feature = "axum")]
mod web;

pub use builder::{Builder, ConnectError};
pub use client::ClientInfo;
pub use clock::ManualClock;
pub use codec::FieldKind;
#[cfg(feature = "tls")]
pub use config::tls::Tls;
pub use config::{Cap, ConfigError};
pub use doctor::{Finding, Severity};
pub use durable::{Durable, DurableEnd, DurableLogout, DurableUser};
pub use end::EndReason;
pub use error::{DecodeError, Error, Outage, RandomError};
pub use id::{InvalidSessionId, SessionId};
pub use limits::{LimitExceeded, Limits};
pub use login::{LoggedIn, Login, LoginTicket};
pub use session::{CookieChange, EndOutcome, Rotated, SaveOutcome, Session};
pub use sessions::{Progress, Revoked, Sessions};
pub use sweeper::{Sweeper, Swept};
pub use timeout::{Timeout, Timeouts};
pub use token::{InvalidToken, SessionToken};
pub use user::{SessionInfo, UserSessions};
#[cfg(feature = "axum")]
pub use web::{
    CsrfLayer, CsrfService, MissingOrigin, RequireFresh, SameSite, SaveOn, SessionCookie, SessionLayer, SessionService,
    User, UserRejection,
};
