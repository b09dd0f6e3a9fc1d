//! The store of an application on tower-sessions: 0.15, and with the feature `tower-sessions-014` the line that axum-login uses.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::compat::record::Records;
use crate::sessions::Sessions;

mod id;
mod located;
mod record;
mod store;

type State = HashMap<String, Value>;
type Naming = dyn Fn(&State) -> Option<String> + Send + Sync;

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
/// A session ends at the record's expiry date, and at the [timeouts](crate::Builder::timeouts) of the sessions, 30
/// minutes idle and 12 hours in all by default, whichever comes first. An expiry date that every save pushes back is set
/// once per touch interval, so the end may come that much later, and no more than a tenth of the time asked for.
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
    naming: Option<Arc<Naming>>,
}

impl Store {
    /// A store for sessions without users.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self { records: Records::new(sessions), naming: None }
    }

    /// The same with a function that says whose a record is: asked whenever one is stored, and given its data.
    ///
    /// A record of a user is in the user's index, counts against the [cap](crate::Builder::cap), is listed by
    /// [`Sessions::user`] and ended by [`Sessions::revoke_user`]. Call `cycle_id` at the login, as tower-sessions asks:
    /// the record then moves into the user's bucket. Without it the user is listed and can be revoked all the same, at
    /// the price of a second read with each load. A record that names nobody any more, without `flush` or `cycle_id`,
    /// stays listed with the user whom it named.
    #[must_use]
    pub fn user(self, named: impl Fn(&HashMap<String, Value>) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { naming: Some(Arc::new(named)), ..self }
    }

    fn named(&self, state: &State) -> Option<String> {
        self.naming.as_ref().and_then(|named| named(state))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("names_users", &self.naming.is_some()).finish_non_exhaustive()
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
