//! The store of an application on tower-sessions: 0.15, and with the feature `tower-sessions-014` the line that axum-login uses.

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

/// tower-sessions' `SessionStore` on [`Sessions`]: give it to `SessionManagerLayer::new`.
///
/// | method | what it does |
/// |---|---|
/// | `create` | stores the record under an id that is free: under the record's own, or under another one, which it gets then. With a user named, it is a login |
/// | `save` | replaces the whole record, if the session lives. If it has ended, or never was, nothing is written: that is `Ok` and a traced warning, since an error would only turn the answer into a 500 |
/// | `load` | `None` for what has ended or expired; `Error::Backend` if Redis is away, never `None`. It is a use: a touch runs beside it when one is due |
/// | `delete` | ends the session, as logged out; again does nothing |
///
/// The id in the cookie is nowhere in Redis: our session id and the hash of its secret are derived from it by SHA-256.
/// 12 of its 128 bits choose the bucket, which stands in the keys, so 116 remain secret.
///
/// A session ends at the record's expiry date, and at the [timeouts](crate::Builder::timeouts) of the builder if it was
/// given some, whichever comes first: then `load` returns the earlier of both, and one WARN says so. An expiry date that
/// every save pushes back is set once per touch interval, so the end may come that much later, and no more than a tenth
/// of the time asked for.
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

    /// The same with a function that says whose a record is: called whenever one is stored, with its data.
    ///
    /// A record of a user is in the user's index, counts against the [cap](crate::Builder::cap), is listed by
    /// [`Sessions::user`] and ended by [`Sessions::revoke_user`]. Call `cycle_id` at the login, as tower-sessions asks:
    /// the record then moves into the user's bucket. Without it the user is listed and can be revoked all the same, at
    /// the price of a second read with each load. A record that names nobody any more, without `flush` or `cycle_id`,
    /// stays listed with the user whom it named.
    ///
    /// `None` is a guest. Where the id may not be readable, use [`try_user`](Self::try_user), and with axum-login
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

    /// The same as [`user`](Self::user) with a function that can fail: its error is the error of the call that stores
    /// the record, and nothing is stored. So a user whose id cannot be read is never stored as a guest.
    #[must_use]
    pub fn try_user<E: fmt::Display>(
        self,
        named: impl Fn(&HashMap<String, Value>) -> Result<Option<String>, E> + Send + Sync + 'static,
    ) -> Self {
        self.with_user_of(move |state| named(state).map_err(|error| UserIdError::new(error.to_string())))
    }

    /// The same as [`user`](Self::user) for an application on axum-login: the user is the one whom axum-login has
    /// logged in. `Id` is the backend's `AuthUser::Id`.
    ///
    /// [`user_id`](crate::compat::user_id) makes the user id for [`Sessions::user`] from an id of any type. A record of
    /// a logged-in user whose id is not an `Id` is an error, never a guest's.
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

    /// The same as [`axum_login`](Self::axum_login), where `AuthManagerLayerBuilder::with_data_key` was given this key.
    #[must_use]
    pub fn axum_login_under<Id: Serialize + DeserializeOwned + 'static>(self, key: &'static str) -> Self {
        self.with_user_of(move |state| axum_login::named::<Id>(state, key))
    }

    /// Moves sessions here from the store that the application used before, a store of tower-sessions 0.15: whoever is logged in stays logged
    /// in, under the cookie that they have.
    ///
    /// A record that is not known here is read from `store`, once, stored here and deleted there. Its user is logged in
    /// here: call [`user`](Self::user) or [`axum_login`](Self::axum_login) as well. `delete` deletes in both stores, and
    /// a record that has ended here is never moved. An error of `store` is an error of the call, never "no session".
    ///
    /// A record that is known here, as every one that was moved, costs no call of `store`. What servers of the version
    /// before can and cannot do in the meantime is in the [guide](crate::guide::drop_in#moving-sessions).
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

    /// The same as `moving_from` for a store of tower-sessions 0.14, which axum-login 0.18 is built on.
    ///
    /// The store that sessions are moved from may be of another line than the layer that this store is given to.
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

/// Implements one line's trait. The lines differ in the crate that defines it, and in nothing else.
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
        impl From<record::Unkept> for $core::session_store::Error {
            fn from(why: record::Unkept) -> Self {
                match why {
                    record::Unkept::Encode(text) => Self::Encode(text),
                    record::Unkept::Decode(text) => Self::Decode(text),
                    record::Unkept::Backend(text) => Self::Backend(text),
                }
            }
        }
    };
}

implement!(tower_sessions_core, "tower-sessions");
implement!(tower_sessions_core_014, "tower-sessions-014");
