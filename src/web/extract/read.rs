//! Extractor of a session that is only read.

use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use crate::end::EndReason;
use crate::error::Error;
use crate::fields::codec::FieldKind;
use crate::identity::client::ClientInfo;
use crate::identity::id::SessionId;
use crate::session::Session;

/// The session of a request that only reads it, for requests that must not count as a use, such as a page that polls
/// for news every minute.
///
/// It loads by [`peek`](crate::Sessions::peek) and does not extend the session. Nothing is saved and no cookie is set
/// or removed for it; `Vary` is set. A handler or middleware that extracts [`Session`] or [`User`](crate::User) in the
/// same request gets the session of the same load, with all of that. Rejects as [`Session`] does.
///
/// ```
/// use cloakroom::{Error, ReadSession};
///
/// async fn unread(session: ReadSession) -> Result<String, Error> {
///     Ok(session.get_or("unread", 0)?.to_string())
/// }
/// # let _ = axum::Router::<()>::new().route("/unread", axum::routing::get(unread));
/// ```
#[derive(Debug, Clone)]
pub struct ReadSession(Session);

/// Getters that forward to those of [`Session`].
macro_rules! as_session {
    ($($(#[$attribute:meta])* $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {$(
        #[doc = concat!("As [`Session::", stringify!($name), "`].")]
        $(#[$attribute])*
        pub fn $name(&self $(, $argument: $kind)*) -> $answer {
            self.0.$name($($argument),*)
        }
    )*};
}

impl ReadSession {
    pub(crate) const fn of(session: Session) -> Self {
        Self(session)
    }

    as_session! {
        #[must_use] client() -> &ClientInfo;
        #[must_use] id() -> Option<SessionId>;
        #[must_use] user() -> Option<String>;
        #[must_use] is_guest() -> bool;
        #[must_use] ended() -> Option<EndReason>;
        #[must_use] address_changed() -> bool;
        #[must_use] cookie_may_be_withheld() -> bool;
        #[must_use] created_at() -> Option<SystemTime>;
        #[must_use] auth_time() -> Option<SystemTime>;
        #[must_use] reauthentication_due(max_age: Duration) -> bool;
        #[must_use] last_access() -> Option<SystemTime>;
        #[must_use] time_left() -> Option<Duration>;
        #[must_use] contains(name: &str) -> bool;
        #[must_use] kind(name: &str) -> Option<FieldKind>;
        #[must_use] names() -> Vec<String>;
        #[must_use] csrf_token() -> Option<String>;
        #[doc = "\n# Errors\nAs there."] get_bytes(name: &str) -> Result<Option<Vec<u8>>, Error>;
        #[doc = "\n# Errors\nAs there."] counter(name: &str) -> Result<Option<i64>, Error>;
    }

    /// As [`Session::get`].
    ///
    /// # Errors
    /// As `Session::get`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.0.get(name)
    }

    /// As [`Session::require`].
    ///
    /// # Errors
    /// As `Session::require`.
    pub fn require<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.0.require(name)
    }

    /// As [`Session::get_or`].
    ///
    /// # Errors
    /// As `Session::get_or`.
    pub fn get_or<T: DeserializeOwned>(&self, name: &str, default: T) -> Result<T, Error> {
        self.0.get_or(name, default)
    }

    /// As [`Session::values`].
    ///
    /// # Errors
    /// As `Session::values`.
    pub fn values<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>, Error> {
        self.0.values()
    }
}
