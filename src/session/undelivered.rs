//! Ending sessions whose token certainly reached no client.
//!
//! A handle in a layer's request notes each secret before the call that stores it. The note is removed when the token
//! is handed out: in the response's head, or to the application. Secrets still noted when the last handle is dropped
//! can no longer be delivered: the client disconnected, the handler panicked or dropped the call, or its reply was
//! lost.
//!
//! The secret of a rotation is not noted, since the previous one stays valid, unless that was not delivered either.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;
use crate::identity::id::SessionId;
use crate::identity::token::{SecretHash, SessionToken};
use crate::session::load::is_previous;
use crate::sessions::Sessions;
use crate::store::{Loaded, Refused, Undelivered};

/// A double click or a retry by the browser may be joining the session: let it go first.
const DELAY: Duration = Duration::from_secs(5);
/// For how long, and at which interval, the end is retried while the store is unavailable.
const TRIED_FOR: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(2);
/// After this time nothing sent before the drop can be executed: an operation lives for 60 s.
const OVER: Duration = Duration::from_secs(65);
/// Limit of delayed ends, a few hundred bytes each. Those above it are ended without delay and tried once.
pub(crate) const MOST_WAITING: usize = 1024;

/// Secrets created for one request's client and not delivered yet.
#[derive(Debug, Default)]
pub(crate) struct Minted(Vec<Note>);

#[derive(Debug, Clone)]
struct Note {
    id: SessionId,
    secret: SecretHash,
    /// The session's use count before; a higher count means that somebody has the token.
    uses: u32,
    /// Whether the store confirmed that the secret opens the session; otherwise the call may still be executed.
    certain: bool,
}

impl Note {
    fn is(&self, token: &SessionToken) -> bool {
        self.id == token.id() && self.secret == token.hash()
    }
}

impl Minted {
    /// Called before the call that may store it.
    pub(crate) fn note(&mut self, token: &SessionToken, uses: u32) {
        self.0.push(Note { id: token.id(), secret: token.hash(), uses, certain: false });
    }

    /// The secret was certainly not stored.
    pub(crate) fn forget(&mut self, token: &SessionToken) {
        self.0.retain(|note| !note.is(token));
    }

    /// The secret was stored; earlier ones are no longer valid.
    pub(crate) fn stored(&mut self, token: &SessionToken, uses: u32) {
        self.0.retain(|note| !note.certain);
        self.rotated(token, uses);
    }

    /// The secret was stored, and the previous one stays valid.
    pub(crate) fn rotated(&mut self, token: &SessionToken, uses: u32) {
        for note in self.0.iter_mut().filter(|note| note.is(token)) {
            (note.certain, note.uses) = (true, uses);
        }
    }

    /// The token was handed out, and with it the session.
    pub(crate) fn delivered(&mut self, token: &SessionToken) {
        self.0.retain(|note| !(note.is(token) || note.certain && note.id == token.id()));
    }

    /// Whether a secret of this session is undelivered.
    pub(crate) fn has(&self, id: SessionId) -> bool {
        self.0.iter().any(|note| note.id == id)
    }

    /// The secrets can no longer be delivered. Outside of a Tokio runtime, such as during its shutdown, the sessions
    /// stay until they expire.
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

/// Retries until the outcome is certain; tries once if it is not to wait.
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
                tracing::debug!(id = %note.id, %error, "session with an undelivered token not ended: it stays until it expires");
                return;
            }
            _ => return,
        }
    }
}

impl Note {
    /// Whether the secret opened the session; if so, ends what it opens.
    async fn end(&self, sessions: &Sessions) -> Result<bool, Error> {
        let Loaded::Live(record) = sessions.store().load(self.id).await? else { return Ok(false) };
        if record.meta.secret != self.secret && !is_previous(&record.meta, self.secret) {
            return Ok(false);
        }
        let call = Undelivered { id: self.id, user: record.meta.user, secret: self.secret, uses: self.uses };
        match sessions.store().end_undelivered(sessions.op()?, &call).await? {
            Ok(true) => tracing::debug!(id = %self.id, "session ended: its token was not delivered"),
            Ok(false) | Err(Refused::Gone(_)) => {}
            Err(refused) => return Err(refused.into_error(&sessions.settings().limits, "")),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tokio::runtime::Runtime;
    use tokio::task::yield_now;

    use super::*;
    use crate::fields::Delta;
    use crate::identity::client::ClientInfo;
    use crate::identity::id::Bucket;
    use crate::session::login_request::Login;
    use crate::store::NewSession;

    async fn sessions() -> Sessions {
        Sessions::builder("memory:").namespace("test").connect().await.expect("fine settings")
    }

    async fn live(sessions: &Sessions) -> u64 {
        sessions.active_since(SystemTime::UNIX_EPOCH).await.expect("embedded")
    }

    /// A login whose token nobody has taken.
    async fn logged_in(sessions: &Sessions, user: &str) -> Minted {
        let session = sessions.open(None, ClientInfo::new()).await.expect("embedded");
        let _ = session.login(Login::new(user)).await.expect("embedded");
        let (mut minted, token) = (Minted::default(), session.token().expect("logged in"));
        minted.note(&token, 0);
        minted.stored(&token, 0);
        minted
    }

    /// Lets ready tasks run.
    async fn others() {
        for _ in 0..3 * MOST_WAITING {
            yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn undelivered_logins_above_the_limit_are_ended_at_once() {
        let sessions = sessions().await;
        for number in 0..MOST_WAITING + 3 {
            logged_in(&sessions, &format!("user{number}")).await.end(&sessions);
        }
        others().await;
        assert_eq!(live(&sessions).await, MOST_WAITING as u64);
        tokio::time::advance(DELAY).await;
        others().await;
        assert_eq!(live(&sessions).await, 0);
        assert_eq!(sessions.waiting().available_permits(), MOST_WAITING);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_created_late_by_an_undelivered_call_is_ended() {
        let sessions = sessions().await;
        let id = SessionId::mint(Bucket::random().expect("randomness")).expect("randomness");
        let (token, mut minted) = (SessionToken::mint(id).expect("randomness"), Minted::default());
        minted.note(&token, 0);
        minted.end(&sessions);
        tokio::time::sleep(2 * DELAY).await;
        let (lifetimes, client) = (sessions.settings().lifetimes, ClientInfo::new());
        let new = NewSession { id, secret: token.hash(), lifetimes, grace_ms: 0, user: None, client, remember: None };
        let op = sessions.op().expect("randomness");
        assert!(sessions.store().create(op, &new, &Delta::default()).await.expect("embedded").is_ok());
        tokio::time::sleep(OVER - 3 * DELAY).await;
        assert_eq!(live(&sessions).await, 1);
        tokio::time::sleep(2 * DELAY).await;
        assert_eq!(live(&sessions).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unavailable_store_is_retried_for_a_minute() {
        let builder = Sessions::builder("redis://127.0.0.1:1").namespace("test").budget(Duration::from_millis(100));
        let (away, begun) = (builder.connect_lazy().expect("fine settings"), Instant::now());
        logged_in(&sessions().await, "ada").await.end(&away);
        others().await;
        assert_eq!(away.waiting().available_permits(), MOST_WAITING - 1);
        let _all = away.waiting().acquire_many(MOST_WAITING as u32).await.expect("open");
        assert!((TRIED_FOR..TRIED_FOR + 2 * DELAY).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

    #[test]
    fn without_a_running_runtime_the_undelivered_session_stays() {
        let runtime = Runtime::new().expect("a runtime");
        let (sessions, outside) = runtime.block_on(async {
            let sessions = sessions().await;
            logged_in(&sessions, "ada").await.end(&sessions);
            let outside = logged_in(&sessions, "bob").await;
            (sessions, outside)
        });
        outside.end(&sessions);
        drop(runtime);
        assert_eq!(Runtime::new().expect("a runtime").block_on(live(&sessions)), 2);
    }
}
