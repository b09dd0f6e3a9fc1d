//! The drop-in store for actix-session 0.11.
#![allow(clippy::future_not_send)] // actix serves a request on one thread, and so do its stores

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use time::Duration;

use crate::compat::record::{
    Kept, RECORD, RecordContent, RecordError, RecordKey, RecordUser, Records, UserReader, left_ms,
};
use crate::compat::user_id::{UserIdError, user_id};
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::codec::{decode_value, encode_value};
use crate::sessions::Sessions;
use former::{FormerActixStore, MOVED_TTL};
use key::Key;

mod former;
mod key;
mod update;

type ActixState = HashMap<String, String>;

/// Where actix-identity stores the user's id, unless the application configures another key.
const IDENTITY: &str = "actix_identity.user_id";

/// actix-session's `SessionStore` on [`Sessions`]; pass it to `SessionMiddleware::new`.
///
/// | method | effect |
/// |---|---|
/// | `save` | creates a session under a new key, a [token](crate::SessionToken) of 64 characters. If the state names a user, this is a login |
/// | `update` | replaces the whole state of a live session and returns the same key. If the session has ended, nothing is written, the same key is returned and a warning is logged: a late save brings nothing back, under no key |
/// | `update_ttl` | sets the time to live from now; no effect if the session has ended |
/// | `load` | `None` for an ended or expired session and for a key of another form; `LoadError::Other` if Redis is unavailable, never `None`. Counts as a use: a due touch runs concurrently |
/// | `delete` | ends the session, as logged out; no effect if repeated |
///
/// A key is made of the session id and a secret. Redis stores the id and a hash of the secret, never the key. A key of
/// another form, such as one of actix-session's own Redis store, is rejected without I/O unless sessions are
/// [moved](Self::moving_from). It never becomes a session, so an `update` with such a key is a `save`.
///
/// A session ends when its last TTL is over, and at the [timeouts](crate::Builder::timeouts) of the builder if set,
/// whichever comes first; one WARN reports if the latter cut it. A repeated TTL is written once per touch interval, so
/// the session may end later by that interval, but by at most a tenth of the TTL.
///
/// # Examples
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use actix_session::{Session, SessionMiddleware};
/// use actix_web::{App, cookie::Key, web};
/// use cloakroom::{Sessions, compat::actix_session::Store};
///
/// async fn hits(session: Session) -> actix_web::Result<String> {
///     let hits = session.get::<u32>("hits")?.unwrap_or(0) + 1;
///     session.insert("hits", hits)?;
///     Ok(hits.to_string())
/// }
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// // Values are JSON: a user id includes its quotes.
/// let store = Store::new(sessions.clone()).user(|state| state.get("user").cloned());
/// let app = App::new().wrap(SessionMiddleware::new(store, Key::generate())).route("/", web::get().to(hits));
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Store {
    records: Records,
    user_of: Option<Arc<UserReader<ActixState>>>,
    former: Option<Arc<dyn FormerActixStore>>,
    /// Whether keys of another form are looked up.
    opens_moved: bool,
    moved_ttl: Duration,
}

impl Store {
    /// A store for sessions without users.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self { records: Records::new(sessions), user_of: None, former: None, opens_moved: false, moved_ttl: MOVED_TTL }
    }

    /// Sets the function that returns a state's user, called whenever a state is stored. The state's values are JSON,
    /// so a string includes its quotes.
    ///
    /// A user's session is in the user's index, counts against the [cap](crate::Builder::cap), is listed by
    /// [`Sessions::user`] and ended by [`Sessions::revoke_user`]. When the user changes, also without `renew`, the
    /// session moves: the old one ends, and the middleware sets a cookie with a new key.
    ///
    /// `None` is a guest. If reading the id can fail, use [`try_user`](Self::try_user), and with actix-identity
    /// [`actix_identity`](Self::actix_identity): a state in which actix-identity has logged a user in is an error if
    /// this function returns `None` for it. So is an id that is empty or longer than [`Limits`](crate::Limits) allow.
    #[must_use]
    pub fn user(self, named: impl Fn(&HashMap<String, String>) -> Option<String> + Send + Sync + 'static) -> Self {
        self.with_user_of(move |state| match named(state) {
            None if state.contains_key(IDENTITY) => Err(UserIdError::new(
                "actix-identity has logged a user in, and the function of `Store::user` returned None",
            )),
            named => Ok(named),
        })
    }

    /// Like [`user`](Self::user), with a function that can fail. Its error is returned by the call that stores the
    /// state, and nothing is stored. So a user whose id cannot be read is never stored as a guest.
    #[must_use]
    pub fn try_user<E: fmt::Display>(
        self,
        named: impl Fn(&HashMap<String, String>) -> Result<Option<String>, E> + Send + Sync + 'static,
    ) -> Self {
        self.with_user_of(move |state| named(state).map_err(|error| UserIdError::new(error.to_string())))
    }

    /// Like [`user`](Self::user), for applications on actix-identity: the user is the one that it has logged in.
    ///
    /// The user id is that of actix-identity, or, if it is empty or longer than 256 bytes, the result of
    /// [`user_id`](crate::compat::user_id).
    #[must_use]
    pub fn actix_identity(self) -> Self {
        self.actix_identity_under(IDENTITY)
    }

    /// Like [`actix_identity`](Self::actix_identity), for an application that passes this key to
    /// `IdentityMiddlewareBuilder::id_key`.
    #[must_use]
    pub fn actix_identity_under(self, key: &'static str) -> Self {
        self.with_user_of(move |state| {
            let Some(id) = state.get(key) else { return Ok(None) };
            let id =
                serde_json::from_str::<String>(id).map_err(|_| UserIdError::new(format!("`{key}` is no string")))?;
            user_id(&id).map(Some)
        })
    }

    /// Moves sessions here from the application's former store. Logged-in users stay logged in, with their present
    /// cookie, until `renew` or a logout.
    ///
    /// A state that is unknown here is read from `store` once, stored here and deleted there. Its user is logged in
    /// here: also call [`user`](Self::user) or [`actix_identity`](Self::actix_identity). `delete` deletes in both
    /// stores, and a session that has ended here is never moved. An error of `store` is an error of the call, never "no
    /// session".
    ///
    /// A moved session needs no further call of `store`. Since `store` does not return a state's time to live, a moved
    /// session lives for a [day](Self::moved_ttl) unless an update sets another time. The
    /// [guide](crate::guide::drop_in#moving-sessions) describes how servers of the former version behave during the
    /// move.
    ///
    /// # Examples
    /// ```no_run
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use actix_session::storage::RedisSessionStore;
    /// use cloakroom::{Sessions, compat::actix_session::Store};
    ///
    /// let before = RedisSessionStore::new("redis://127.0.0.1:6379").await?;
    /// let sessions = Sessions::builder("redis://127.0.0.1:6379").namespace("shop").connect().await?;
    /// let store = Store::new(sessions).actix_identity().moving_from(before);
    /// # drop(store);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn moving_from(self, store: impl SessionStore + Send + Sync + 'static) -> Self {
        Self { former: Some(Arc::new(store)), opens_moved: true, ..self }
    }

    /// Opens sessions that [`moving_from`](Self::moving_from) has moved, without the former store, once that is
    /// removed. Without either, a key of another store is rejected without I/O.
    #[must_use]
    pub fn moved(self) -> Self {
        Self { opens_moved: true, ..self }
    }

    /// The lifetime of a moved session until an update sets another: 24 hours by default, as actix-session's
    /// `session_ttl`. Pass the application's own.
    #[must_use]
    pub fn moved_ttl(self, ttl: Duration) -> Self {
        Self { moved_ttl: ttl, ..self }
    }

    fn with_user_of(self, named: impl Fn(&ActixState) -> RecordUser + Send + Sync + 'static) -> Self {
        Self { user_of: Some(Arc::new(named)), ..self }
    }

    fn named(&self, state: &ActixState) -> RecordUser {
        self.user_of.as_ref().map_or(Ok(None), |named| named(state))
    }

    /// The record key of a session key; `None` if it is of another form and no sessions are moved.
    fn record_key(&self, key: &SessionKey) -> Option<RecordKey> {
        Key::read(key).map(|key| key.record_key()).or_else(|| self.opens_moved.then(|| Key::moved(key)))
    }

    /// The live session of a key.
    async fn find(&self, key: &SessionKey) -> Result<Option<Kept>, RecordError> {
        match Key::read(key) {
            Some(key) => Ok(self.records.find(key.record_key()).await?),
            None => self.find_moved(key).await,
        }
    }

    /// Creates a session for the state's user.
    async fn make(&self, state: &ActixState, ttl: &Duration) -> Result<Key, RecordError> {
        let user = self.named(state)?;
        let Some(content) = content(state, ttl)? else { return Ok(Key::mint(None).map_err(Error::from)?) };
        let mint = |bucket| Key::mint(bucket).map(|key| (key.record_key(), key));
        self.records.make_new(user.as_deref(), &content, mint).await
    }

    async fn last(&self, key: &SessionKey, ttl: &Duration) -> Result<(), RecordError> {
        let Some(record_key) = self.record_key(key) else { return Ok(()) };
        let Some(kept) = (match self.records.recall(record_key) {
            Some(kept) => Some(kept),
            None => self.find(key).await?,
        }) else {
            return Ok(());
        };
        match left_ms(*ttl) {
            Some(left_ms) => self.records.last(&kept, left_ms).await.map(drop),
            None => self.records.end_at(record_key, EndReason::Expired).await,
        }
    }
}

/// The state in its stored form; `None` if its time is over.
fn content(state: &ActixState, ttl: &Duration) -> Result<Option<RecordContent>, Error> {
    let Some(left_ms) = left_ms(*ttl) else { return Ok(None) };
    Ok(Some(RecordContent { stored: encode_value(RECORD, state)?, left_ms }))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("names_users", &self.user_of.is_some()).finish_non_exhaustive()
    }
}

impl SessionStore for Store {
    async fn load(&self, key: &SessionKey) -> Result<Option<ActixState>, LoadError> {
        let found = self.find(key).await.map_err(|failure| LoadError::Other(failure.into()))?;
        let Some(kept) = found else { return Ok(None) };
        self.records.touch(&kept).await;
        let state = kept.field(RECORD).map(|stored| decode_value(RECORD, stored)).transpose();
        self.records.remember(kept);
        state.map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: ActixState, ttl: &Duration) -> Result<SessionKey, SaveError> {
        let key = self.make(&state, ttl).await.map_err(|failure| match failure {
            RecordError::Ours(error @ Error::Encode { .. }) => SaveError::Serialization(error.into()),
            failure => SaveError::Other(failure.into()),
        })?;
        key.text().map_err(|error| SaveError::Other(error.into()))
    }

    async fn update(&self, key: SessionKey, state: ActixState, ttl: &Duration) -> Result<SessionKey, UpdateError> {
        let changed = self.replace(&key, &state, ttl).await.map_err(|failure| match failure {
            RecordError::Ours(error @ Error::Encode { .. }) => UpdateError::Serialization(error.into()),
            failure => UpdateError::Other(failure.into()),
        })?;
        changed.map_or(Ok(key), |new| new.text().map_err(|error| UpdateError::Other(error.into())))
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> Result<(), anyhow::Error> {
        Ok(self.last(key, ttl).await?)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        match Key::read(key) {
            Some(key) => Ok(self.records.end_at(key.record_key(), EndReason::LoggedOut).await?),
            None => Ok(self.end_moved(key).await?),
        }
    }
}
