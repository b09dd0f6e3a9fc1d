//! The drop-in store for tower-sessions 0.15, and with the feature `tower-sessions-014` for the version that axum-login
//! uses.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::compat::record::{RecordUser, Records, UserReader};
use crate::compat::user_id::UserIdError;
use crate::sessions::Sessions;
use former::FormerTowerStore;

mod axum_login;
mod former;
mod id;
mod record;
mod store;

type State = HashMap<String, Value>;

/// tower-sessions' `SessionStore` on [`Sessions`]; pass it to `SessionManagerLayer::new`.
///
/// | method | effect |
/// |---|---|
/// | `create` | stores the record under an unused id: its own, or a new one that is written to the record. If the record names a user, this is a login |
/// | `save` | replaces the whole record of a live session. If the session has ended or never existed, nothing is written, and the result is `Ok` with a logged warning, since an error would only turn the response into a 500 |
/// | `load` | `None` for an ended or expired session; `Error::Backend` if Redis is unavailable, never `None`. Counts as a use: a due touch runs concurrently |
/// | `delete` | ends the session, as logged out; no effect if repeated |
///
/// The id in the cookie is not stored in Redis: our session id and the hash of its secret are derived from it by
/// SHA-256. 12 of its 128 bits determine the bucket, which is part of the keys, so 116 remain secret.
///
/// A session ends at the record's expiry date, and at the [timeouts](crate::Builder::timeouts) of the builder if set,
/// whichever comes first; `load` returns the earlier one, and one WARN reports it. An expiry date that every save
/// extends is written once per touch interval, so the session may end later by that interval, but by at most a tenth of
/// the time asked for.
///
/// # Examples
/// ```
/// # #[cfg(feature = "tower-sessions")]
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use axum::{Router, routing::get};
/// use cloakroom::{Sessions, compat::tower_sessions::Store};
/// use tower_sessions::{Session, SessionManagerLayer, session::Error};
///
/// async fn hits(session: Session) -> String {
///     let hits = session.get::<u32>("hits").await.ok().flatten().unwrap_or(0) + 1;
///     let kept: Result<(), Error> = session.insert("hits", hits).await;
///     format!("{hits} {}", kept.is_ok())
/// }
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// let store = Store::new(sessions.clone()).user(|state| Some(state.get("user")?.as_str()?.to_owned()));
/// let app: Router = Router::new().route("/", get(hits)).layer(SessionManagerLayer::new(store));
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Store {
    records: Records,
    user_of: Option<Arc<UserReader<State>>>,
    former: Option<Arc<dyn FormerTowerStore>>,
}

impl Store {
    /// A store for sessions without users.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self { records: Records::new(sessions), user_of: None, former: None }
    }

    /// Sets the function that returns a record's user from its data, called whenever a record is stored.
    ///
    /// A user's record is in the user's index, counts against the [cap](crate::Builder::cap), is listed by
    /// [`Sessions::user`] and ended by [`Sessions::revoke_user`]. Call `cycle_id` at the login, as tower-sessions
    /// requires: the record then moves into the user's bucket. Without it the user can still be listed and revoked, but
    /// each load costs a second read. A record that no longer names a user, without `flush` or `cycle_id`, stays listed
    /// with its former user.
    ///
    /// `None` is a guest. If reading the id can fail, use [`try_user`](Self::try_user), and with axum-login
    /// [`axum_login`](Self::axum_login): a record in which axum-login has logged a user in is an error if this function
    /// returns `None` for it. So is an id that is empty or longer than [`Limits`](crate::Limits) allow.
    #[must_use]
    pub fn user(self, named: impl Fn(&HashMap<String, Value>) -> Option<String> + Send + Sync + 'static) -> Self {
        self.with_user_of(move |state| match named(state) {
            None if axum_login::has_user(state, axum_login::KEY) => Err(UserIdError::new(
                "axum-login has logged a user in, and the function of `Store::user` returned None",
            )),
            named => Ok(named),
        })
    }

    /// Like [`user`](Self::user), with a function that can fail. Its error is returned by the call that stores the
    /// record, and nothing is stored. So a user whose id cannot be read is never stored as a guest.
    #[must_use]
    pub fn try_user<E: fmt::Display>(
        self,
        named: impl Fn(&HashMap<String, Value>) -> Result<Option<String>, E> + Send + Sync + 'static,
    ) -> Self {
        self.with_user_of(move |state| named(state).map_err(|error| UserIdError::new(error.to_string())))
    }

    /// Like [`user`](Self::user), for applications on axum-login: the user is the one that it has logged in. `Id` is
    /// the backend's `AuthUser::Id`.
    ///
    /// [`user_id`](crate::compat::user_id) converts an id of any type to the user id for [`Sessions::user`]. If the id
    /// of a logged-in user is not an `Id`, the record is an error, never a guest's.
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use cloakroom::compat::{tower_sessions::Store, user_id};
    /// use cloakroom::Sessions;
    ///
    /// let sessions = Sessions::builder("memory:").namespace("members").connect().await?;
    /// let store = Store::new(sessions.clone()).axum_login::<i64>();
    /// # drop(store);
    /// let everywhere = sessions.revoke_user(&user_id(&42_i64)?).await?;
    /// assert_eq!(everywhere.ended, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn axum_login<Id: Serialize + DeserializeOwned + 'static>(self) -> Self {
        self.axum_login_under::<Id>(axum_login::KEY)
    }

    /// Like [`axum_login`](Self::axum_login), for an application that passes this key to
    /// `AuthManagerLayerBuilder::with_data_key`.
    #[must_use]
    pub fn axum_login_under<Id: Serialize + DeserializeOwned + 'static>(self, key: &'static str) -> Self {
        self.with_user_of(move |state| axum_login::named::<Id>(state, key))
    }

    /// Moves sessions here from the application's former store, a store of tower-sessions 0.15. Logged-in users stay
    /// logged in, with their present cookie.
    ///
    /// A record that is unknown here is read from `store` once, stored here and deleted there. Its user is logged in
    /// here: also call [`user`](Self::user) or [`axum_login`](Self::axum_login). `delete` deletes in both stores, and a
    /// record that has ended here is never moved. An error of `store` is an error of the call, never "no session".
    ///
    /// A record that is known here, such as a moved one, needs no call of `store`. The
    /// [guide](crate::guide::drop_in#moving-sessions) describes how servers of the former version behave during the
    /// move.
    ///
    /// # Examples
    /// ```
    /// # #[cfg(feature = "tower-sessions")]
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use cloakroom::{Sessions, compat::tower_sessions::Store};
    /// use tower_sessions::MemoryStore;
    ///
    /// let before = MemoryStore::default();
    /// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
    /// let store = Store::new(sessions).moving_from(before);
    /// # drop(store);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[cfg(feature = "tower-sessions")]
    #[must_use]
    pub fn moving_from(self, store: impl tower_sessions_core::SessionStore) -> Self {
        Self { former: Some(Arc::new(former::Line015(store))), ..self }
    }

    /// Like `moving_from`, for a store of tower-sessions 0.14, which axum-login 0.18 uses.
    ///
    /// The former store and the layer may be of different versions.
    #[cfg(feature = "tower-sessions-014")]
    #[must_use]
    pub fn moving_from_014(self, store: impl tower_sessions_core_014::SessionStore) -> Self {
        Self { former: Some(Arc::new(former::Line014(store))), ..self }
    }

    fn with_user_of(self, named: impl Fn(&State) -> RecordUser + Send + Sync + 'static) -> Self {
        Self { user_of: Some(Arc::new(named)), ..self }
    }

    fn named(&self, state: &State) -> RecordUser {
        self.user_of.as_ref().map_or(Ok(None), |named| named(state))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("names_users", &self.user_of.is_some()).finish_non_exhaustive()
    }
}

/// Implements the trait of one version. The versions differ only in the crate that defines it.
macro_rules! implement {
    ($core:ident, $feature:literal) => {
        #[cfg(feature = $feature)]
        #[async_trait::async_trait]
        impl $core::SessionStore for Store {
            async fn create(&self, record: &mut $core::session::Record) -> $core::session_store::Result<()> {
                let id = id::ForeignId(record.id.0);
                record.id.0 = self.make(id, &record.data, record.expiry_date).await?.0;
                Ok(())
            }

            async fn save(&self, record: &$core::session::Record) -> $core::session_store::Result<()> {
                Ok(self.put(id::ForeignId(record.id.0), &record.data, record.expiry_date).await?)
            }

            async fn load(
                &self,
                id: &$core::session::Id,
            ) -> $core::session_store::Result<Option<$core::session::Record>> {
                let found = self.get(id::ForeignId(id.0)).await?;
                Ok(found.map(|(data, expiry_date)| $core::session::Record { id: *id, data, expiry_date }))
            }

            async fn delete(&self, id: &$core::session::Id) -> $core::session_store::Result<()> {
                Ok(self.end(id::ForeignId(id.0)).await?)
            }
        }

        #[cfg(feature = $feature)]
        impl From<record::StoreFailure> for $core::session_store::Error {
            fn from(why: record::StoreFailure) -> Self {
                match why {
                    record::StoreFailure::Encode(text) => Self::Encode(text),
                    record::StoreFailure::Decode(text) => Self::Decode(text),
                    record::StoreFailure::Backend(text) => Self::Backend(text),
                }
            }
        }
    };
}

implement!(tower_sessions_core, "tower-sessions");
implement!(tower_sessions_core_014, "tower-sessions-014");
