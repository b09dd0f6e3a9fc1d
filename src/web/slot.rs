//! The place in a request where its session is put when it is first asked for.

use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use super::config::SessionCookie;
use super::cookie::{self, Found};
use super::policy::SaveOn;
use crate::client::ClientInfo;
use crate::error::Error;
use crate::session::Session;
use crate::sessions::Sessions;

/// What all requests of a layer share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) sessions: Sessions,
    pub(super) cookie: SessionCookie,
    pub(super) save_on: SaveOn,
}

/// One request's session, loaded when it is first asked for; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Slot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    /// Whether the request carried our cookie; known once somebody looked.
    carried: OnceLock<bool>,
    session: OnceCell<Session>,
}

impl Slot {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(Arc::new(Inner { shared, carried: OnceLock::new(), session: OnceCell::new() }))
    }

    pub(super) fn cookie(&self) -> &SessionCookie {
        &self.0.shared.cookie
    }

    pub(super) fn save_on(&self) -> SaveOn {
        self.0.shared.save_on
    }

    /// The session, if it has been loaded.
    pub(super) fn loaded(&self) -> Option<&Session> {
        self.0.session.get()
    }

    /// Whether anybody asked for the session, also in vain.
    pub(super) fn was_looked_at(&self) -> bool {
        self.0.carried.get().is_some()
    }

    pub(super) fn carried(&self) -> bool {
        self.0.carried.get().is_some_and(|carried| *carried)
    }

    /// Loads the session, once: whoever else asks meanwhile or later gets the same. After a failure the next one tries again.
    pub(super) async fn load(&self, found: Found<'_>, client: ClientInfo) -> Result<Session, Error> {
        self.0.carried.get_or_init(|| found != Found::Absent);
        let token = match found {
            Found::One(value) => std::str::from_utf8(value).ok(),
            Found::Absent | Found::Several => None,
        };
        let open = || self.0.shared.sessions.open(token, client);
        self.0.session.get_or_try_init(open).await.cloned()
    }

    /// Looks for our cookie. One that is ambiguous is as good as none.
    pub(super) fn find<'a>(&self, headers: impl Iterator<Item = &'a [u8]>) -> Found<'a> {
        let name = self.cookie().name_str();
        let found = cookie::find(headers, name);
        if found == Found::Several {
            tracing::warn!(name, "a request carried the session cookie with different values: treated as none");
        }
        found
    }
}
