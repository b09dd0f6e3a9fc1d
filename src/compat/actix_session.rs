//! The store of an application on actix-session 0.11.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use time::Duration;

use crate::codec::{decode_value, encode_value};
use crate::compat::record::{Content, Failure, Kept, RECORD, Records, left_ms};
use crate::end::EndReason;
use crate::error::Error;
use crate::sessions::Sessions;
use key::Key;

mod key;
mod update;

type State = HashMap<String, String>;
type Naming = dyn Fn(&State) -> Option<String> + Send + Sync;

/// actix-session's `SessionStore` on [`Sessions`]: give it to `SessionMiddleware::new`.
///
/// | method | what it does |
/// |---|---|
/// | `save` | makes a session under a new key, a [token](crate::SessionToken) of 64 characters. With a user named, it is a login |
/// | `update` | replaces the whole state, if the session lives, and answers the same key. If it has ended nothing is written, the same key is answered and a warning traced: a late save brings nothing back, under no key |
/// | `update_ttl` | has the session live so long from now; nothing if it has ended |
/// | `load` | `None` for what has ended or expired and for a key that is not ours; `LoadError::Other` if Redis is away, never `None`. It is a use: a touch runs beside it when one is due |
/// | `delete` | ends the session, as logged out; again does nothing |
///
/// Redis holds the id and the hash of the secret that a key is made of, never the key. A key that no store of this kind
/// makes, such as one left over from actix-session's own Redis store, is known without I/O; it never becomes a session,
/// so an `update` of such a key is a `save`.
///
/// A session ends when the TTL that it was last given is over, and at the [timeouts](crate::Builder::timeouts) of the
/// sessions, 30 minutes idle and 12 hours in all by default, whichever comes first. A TTL that is given again and again
/// is set once per touch interval, so it may be over that much later, and no more than a tenth of it.
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
/// // Values are JSON: a user's id has its quotes.
/// let store = Store::new(sessions.clone()).user(|state| state.get("user").cloned());
/// let app = App::new().wrap(SessionMiddleware::new(store, Key::generate())).route("/", web::get().to(hits));
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Store {
    records: Records,
    naming: Option<Arc<Naming>>,
}

impl Store {
    /// A store for sessions without users.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self { records: Records::new(sessions), naming: None }
    }

    /// The same with a function that says whose a state is: asked whenever one is stored. The state's values are JSON,
    /// so a string has its quotes.
    ///
    /// A user's session is in the user's index, counts against the [cap](crate::Builder::cap), is listed by
    /// [`Sessions::user`] and ended by [`Sessions::revoke_user`]. When the user changes, also without `renew`, the
    /// session moves: the old one ends, and the middleware sets a cookie with a new key.
    #[must_use]
    pub fn user(self, named: impl Fn(&HashMap<String, String>) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { naming: Some(Arc::new(named)), ..self }
    }

    fn named(&self, state: &State) -> Option<String> {
        self.naming.as_ref().and_then(|named| named(state))
    }

    /// The live session that a key opens.
    async fn find(&self, key: &SessionKey) -> Result<Option<Kept>, Error> {
        match Key::read(key) {
            Some(key) => self.records.find(key.place()).await,
            None => Ok(None),
        }
    }

    /// Makes a session, of the user whom the state names.
    async fn make(&self, state: &State, ttl: &Duration) -> Result<Key, Failure> {
        let user = self.named(state);
        let content = content(state, ttl)?;
        Key::made(user.as_deref(), async |place| match &content {
            Some(content) => self.records.make(place, user.as_deref(), content).await,
            None => Ok(true),
        })
        .await
    }

    async fn last(&self, key: &SessionKey, ttl: &Duration) -> Result<(), Failure> {
        let loaded = Key::read(key).and_then(|key| self.records.recall(key.place()));
        let Some(kept) = (match loaded {
            Some(kept) => Some(kept),
            None => self.find(key).await?,
        }) else {
            return Ok(());
        };
        match left_ms(*ttl) {
            Some(left_ms) => self.records.last(&kept, left_ms).await.map(drop),
            None => self.records.end(&kept, EndReason::Expired).await,
        }
    }
}

/// The state as it is stored; `None` if its time is over.
fn content(state: &State, ttl: &Duration) -> Result<Option<Content>, Error> {
    let Some(left_ms) = left_ms(*ttl) else { return Ok(None) };
    Ok(Some(Content { stored: encode_value(RECORD, state)?, left_ms }))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("names_users", &self.naming.is_some()).finish_non_exhaustive()
    }
}

impl SessionStore for Store {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let found = self.find(key).await.map_err(|error| LoadError::Other(error.into()))?;
        let Some(kept) = found else { return Ok(None) };
        self.records.touch(&kept).await;
        let state = kept.field(RECORD).map(|stored| decode_value(RECORD, stored)).transpose();
        self.records.remember(kept);
        state.map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: State, ttl: &Duration) -> Result<SessionKey, SaveError> {
        let key = self.make(&state, ttl).await.map_err(|failure| match failure {
            Failure::Ours(error @ Error::Encode { .. }) => SaveError::Serialization(error.into()),
            failure => SaveError::Other(failure.into()),
        })?;
        key.text().map_err(|error| SaveError::Other(error.into()))
    }

    async fn update(&self, key: SessionKey, state: State, ttl: &Duration) -> Result<SessionKey, UpdateError> {
        let changed = self.replace(&key, &state, ttl).await.map_err(|failure| match failure {
            Failure::Ours(error @ Error::Encode { .. }) => UpdateError::Serialization(error.into()),
            failure => UpdateError::Other(failure.into()),
        })?;
        changed.map_or(Ok(key), |new| new.text().map_err(|error| UpdateError::Other(error.into())))
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> Result<(), anyhow::Error> {
        Ok(self.last(key, ttl).await?)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let Some(kept) = self.find(key).await? else { return Ok(()) };
        Ok(self.records.end(&kept, EndReason::LoggedOut).await?)
    }
}
