//! One test's store: its handle, its clock, its namespace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cloakroom::{Builder, ClientInfo, ConnectError, ManualClock, Session, Sessions};
use redis::aio::MultiplexedConnection;

use super::keys;
use super::place::Place;
use super::server::Server;

/// The limit for connecting to a running server.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that a test acts on. Ends with the test.
pub(crate) struct Stage {
    pub(crate) sessions: Sessions,
    pub(crate) namespace: String,
    back: Back,
}

enum Back {
    Memory(ManualClock),
    Redis(Place),
}

/// The embedded store, with these settings.
pub(crate) async fn memory_stage(settings: impl FnOnce(Builder) -> Builder) -> Stage {
    let clock = ManualClock::new();
    let namespace = namespace();
    let builder = Sessions::builder("memory:").namespace(&namespace).clock(clock.clone());
    let sessions = settings(builder).connect().await.expect("a good configuration");
    Stage { sessions, namespace, back: Back::Memory(clock) }
}

/// A namespace of its own on the chosen Redis, with these settings.
pub(crate) async fn redis_stage(settings: impl FnOnce(Builder) -> Builder) -> Stage {
    stage_at(Place::chosen(), settings).await
}

/// A namespace of its own on this Redis, with these settings.
pub(crate) async fn redis_stage_on(server: Arc<Server>, settings: impl FnOnce(Builder) -> Builder) -> Stage {
    stage_at(Place::Alone(server), settings).await
}

/// A namespace of its own at this place, with these settings.
pub(crate) async fn stage_at(place: Place, settings: impl FnOnce(Builder) -> Builder) -> Stage {
    let namespace = namespace();
    let sessions = connected(settings(place.builder(&namespace))).await;
    Stage { sessions, namespace, back: Back::Redis(place) }
}

/// A handle that has connected to its server.
pub(crate) async fn connected(builder: Builder) -> Sessions {
    let begun = Instant::now();
    loop {
        match builder.clone().connect().await {
            Ok(sessions) => return sessions,
            // On a machine that is busy with other tests, the server may be late for longer than a connection attempt may
            // take.
            Err(ConnectError::Unavailable(_)) if begun.elapsed() < PATIENCE => {}
            Err(error) => panic!("a good configuration and a server: {error}: {:?}", std::error::Error::source(&error)),
        }
    }
}

/// A namespace that no other test of this run has, nor one of another run, on a server that outlives it.
fn namespace() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("t{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Stage {
    /// Lets time pass: moves the embedded store's clock forward, or what Redis stores back.
    pub(crate) async fn advance(&self, by: Duration) {
        match &self.back {
            Back::Memory(clock) => clock.advance(by),
            Back::Redis(_) => {
                for mut master in self.masters().await {
                    keys::age(&mut master, &self.namespace, by).await;
                }
            }
        }
    }

    /// Another app server on the same sessions.
    pub(crate) async fn another(&self, settings: impl FnOnce(Builder) -> Builder) -> Sessions {
        match &self.back {
            Back::Memory(_) => self.sessions.clone(),
            Back::Redis(place) => connected(settings(place.builder(&self.namespace))).await,
        }
    }

    /// A plain connection to each Redis server that accepts writes; none for the embedded store.
    pub(crate) async fn masters(&self) -> Vec<MultiplexedConnection> {
        match &self.back {
            Back::Memory(_) => Vec::new(),
            Back::Redis(place) => place.masters().await,
        }
    }

    /// Every key of the namespace in Redis.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut found = Vec::new();
        for mut master in self.masters().await {
            found.extend(keys::all(&mut master, &self.namespace).await);
        }
        found
    }

    /// A visitor without a token.
    pub(crate) async fn draft(&self) -> Session {
        self.sessions.open(None, ClientInfo::new()).await.expect("the store is there")
    }

    /// A visitor with this token.
    pub(crate) async fn open(&self, token: &str) -> Session {
        self.sessions.open(Some(token), ClientInfo::new()).await.expect("the store is there")
    }

    /// A guest's session with a field `a` = 1; the handle and its token.
    pub(crate) async fn guest(&self) -> (Session, String) {
        let session = self.draft().await;
        session.insert("a", &1).expect("a legal field");
        session.save().await.expect("the store is there").into_result().expect("saved");
        let token = token(&session);
        (session, token)
    }

    /// A session of this user; the handle and its token.
    pub(crate) async fn user(&self, user: &str) -> (Session, String) {
        let session = self.draft().await;
        login(&session, user).await;
        let token = token(&session);
        (session, token)
    }
}

/// The token that a handle was given.
pub(crate) fn token(session: &Session) -> String {
    session.token().expect("a token was issued").reveal().to_string()
}

/// Logs in, and fails the test if that is refused.
pub(crate) async fn login(session: &Session, user: &str) {
    let outcome = session.login(cloakroom::Login::new(user)).await.expect("the store is there");
    assert!(matches!(outcome, cloakroom::LoginOutcome::As(_)), "{outcome:?}");
}
