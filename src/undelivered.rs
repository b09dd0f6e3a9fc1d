//! Secrets that a request made and that certainly reached no client: what they open is ended again.
//!
//! A handle of a layer's request notes each secret before the call that stores it. The note goes when the token is handed
//! out: by the response's head, or to the application. What is still noted when the last handle is dropped, nobody can be
//! given any more: the client went away, the handler panicked or dropped the call midway, or the reply to it was lost.
//!
//! Not noted is the secret of a rotation, since the one before it goes on working, unless that was not delivered either.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;
use crate::id::SessionId;
use crate::sessions::Sessions;
use crate::store::{Contract, Loaded, Meta, Refused, Undelivered};
use crate::token::{SecretHash, SessionToken};

/// A visitor who pressed the button twice, or whose browser tries again, may be joining the session: first let them.
const DELAY: Duration = Duration::from_secs(5);
/// For so long it is tried again while the store is away, and this often.
const TRIED_FOR: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(2);
/// After this time nothing that was sent before the drop can be done any more: an operation lives for 60 s.
const OVER: Duration = Duration::from_secs(65);
/// Most that wait at a time, a few hundred bytes each; those beyond are ended without the delay, and tried once.
pub(crate) const MOST_WAITING: usize = 1024;

/// The secrets that were made for one request's client and that it has not been given.
#[derive(Debug, Default)]
pub(crate) struct Minted(Vec<Note>);

#[derive(Debug, Clone)]
struct Note {
    id: SessionId,
    secret: SecretHash,
    /// Whether the store said that the secret opens the session; if not, the call may be done yet.
    certain: bool,
}

impl Note {
    fn is(&self, token: &SessionToken) -> bool {
        self.id == token.id() && self.secret == token.hash()
    }
}

impl Minted {
    /// A call that may store it is about to be made.
    pub(crate) fn note(&mut self, token: &SessionToken) {
        self.0.push(Note { id: token.id(), secret: token.hash(), certain: false });
    }

    /// It certainly was not stored.
    pub(crate) fn forget(&mut self, token: &SessionToken) {
        self.0.retain(|note| !note.is(token));
    }

    /// It was stored; those that were before are of no use any more.
    pub(crate) fn stored(&mut self, token: &SessionToken) {
        self.0.retain(|note| !note.certain);
        self.rotated(token);
    }

    /// It was stored, and the one before it goes on working.
    pub(crate) fn rotated(&mut self, token: &SessionToken) {
        self.0.iter_mut().filter(|note| note.is(token)).for_each(|note| note.certain = true);
    }

    /// It was handed out, and with it the session.
    pub(crate) fn delivered(&mut self, token: &SessionToken) {
        self.0.retain(|note| !note.is(token) && !(note.certain && note.id == token.id()));
    }

    /// Whether a client has not been given a secret of this session.
    pub(crate) fn has(&self, id: SessionId) -> bool {
        self.0.iter().any(|note| note.id == id)
    }

    /// Nobody can be given them any more. Outside of a Tokio runtime, as while one shuts down, their sessions stay until
    /// they expire.
    pub(crate) fn end(self, sessions: &Sessions) {
        if let (false, Ok(runtime)) = (self.0.is_empty(), Handle::try_current()) {
            runtime.spawn(end_all(sessions.clone(), self.0, Instant::now()));
        }
    }
}

async fn end_all(sessions: Sessions, notes: Vec<Note>, dropped: Instant) {
    let place = sessions.waiting().try_acquire();
    if place.is_ok() {
        sleep_until(dropped + DELAY).await;
    }
    for note in notes {
        end_one(&sessions, &note, place.is_ok().then_some(dropped)).await;
    }
}

/// Tries until it is certain; once if it is not to wait.
async fn end_one(sessions: &Sessions, note: &Note, dropped: Option<Instant>) {
    loop {
        let answer = note.end(sessions).await;
        let waited = dropped.map(|dropped| dropped.elapsed());
        match (answer, dropped, waited) {
            (Ok(false), Some(dropped), Some(waited)) if !note.certain && waited < OVER => {
                sleep_until(dropped + OVER).await;
            }
            (Err(error), _, Some(waited)) if error.is_retryable() && waited < TRIED_FOR => sleep(PAUSE).await,
            (Err(error), ..) => {
                tracing::debug!(id = %note.id, %error, "a session whose token was not delivered stays until it expires");
                return;
            }
            _ => return,
        }
    }
}

impl Note {
    /// Whether the secret opened the session, and did what there is to do about it.
    async fn end(&self, sessions: &Sessions) -> Result<bool, Error> {
        let Loaded::Live(record) = sessions.store().load(self.id).await? else { return Ok(false) };
        if !opens(&record.meta, self.secret) {
            return Ok(false);
        }
        let call = Undelivered { id: self.id, user: record.meta.user, secret: self.secret };
        match sessions.store().end_undelivered(sessions.op()?, &call).await? {
            Ok(true) => tracing::debug!(id = %self.id, "ended: its token was not delivered"),
            Ok(false) | Err(Refused::Gone(_)) => {}
            Err(refused) => return Err(refused.into_error(&sessions.settings().limits, "")),
        }
        Ok(true)
    }
}

fn opens(meta: &Meta, secret: SecretHash) -> bool {
    meta.secret == secret || meta.rotation.as_ref().is_some_and(|rotation| rotation.previous == secret)
}
