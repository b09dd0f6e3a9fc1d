//! A record of another crate, stored as one session of ours: the whole record is one field.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use time::Duration;

use crate::compat::user_id::UserIdError;
use crate::config::timeouts::Lifetimes;
use crate::end::EndReason;
use crate::error::{Error, Outage, RandomError};
use crate::fields::Delta;
use crate::fields::map::Contents;
use crate::identity::client::ClientInfo;
use crate::identity::id::{Bucket, SessionId, UserHash};
use crate::identity::token::SecretHash;
use crate::sessions::Sessions;
use crate::store::{End, Gate, LoadedSession, MINTS, Meta, NewLogin, NewSession, Old, Record, Refused, Store};
use crate::util::clock::Millis;
use crate::util::rarely::rarely;
pub(super) use door::{Door, KeptRecord};
pub(super) use former::{Cause, Former, FormerRecord};
#[allow(unused_imports)] // the stores of tower-sessions compare expiry dates
pub(super) use life::SAME_MS;
use recent::Recent;

mod door;
mod former;
mod life;
mod recent;

/// The field with the record.
pub(super) const RECORD: &str = "record";
/// Limit of retries because of concurrent logins under the same id.
pub(super) const TRIES: usize = 16;
/// The id of a record's session, and the secret from its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordKey {
    pub(super) id: SessionId,
    pub(super) secret: SecretHash,
}

/// A live session that stores a record.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) session: LoadedSession,
    /// The door from the record's id to this session, unless it is the session's own id.
    pub(super) door: Option<Door>,
    fields: Arc<Contents>,
}

/// A record to write.
#[derive(Debug, Clone)]
pub(super) struct RecordContent {
    /// The stored form.
    pub(super) stored: Vec<u8>,
    /// The lifetime from now that the application wants, in milliseconds: 1 or more.
    pub(super) left_ms: Millis,
}

/// Whether the operation was executed; false if the session has ended.
pub(super) type Done = Result<bool, RecordError>;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error(transparent)]
    Ours(#[from] Error),
    #[error("the user has reached the maximum number of sessions")]
    AtCap,
    #[error(transparent)]
    UserId(#[from] UserIdError),
    #[error("the old session store failed")]
    Former(#[source] Cause),
}

/// A record's user: none, a user, or unreadable.
pub(super) type RecordUser = Result<Option<String>, UserIdError>;

/// Reads the user id from a record.
pub(super) type UserReader<R> = dyn Fn(&R) -> RecordUser + Send + Sync;

/// The sessions that store records.
#[derive(Debug, Clone)]
pub(super) struct Records {
    sessions: Sessions,
    recent: Arc<Recent>,
    /// Whether it was logged that sessions end before the application's expiry.
    cut: Arc<AtomicBool>,
}

impl Kept {
    fn new(id: SessionId, door: Option<Door>, record: Record) -> Self {
        let (session, fields) = record.into_session(id);
        Self { session, door, fields: Arc::new(fields) }
    }

    /// Its record key.
    pub(super) const fn key(&self) -> RecordKey {
        RecordKey { id: self.session.id, secret: self.session.meta.secret }
    }

    /// The record key that its id leads to first.
    fn entrance(&self) -> RecordKey {
        RecordKey { id: self.door.map_or(self.session.id, |door| door.id), ..self.key() }
    }

    /// A field in its stored form.
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.get(name)
    }
}

impl Records {
    pub(super) fn new(sessions: Sessions) -> Self {
        Self { sessions, recent: Arc::default(), cut: Arc::default() }
    }

    fn store(&self) -> &Store {
        self.sessions.store()
    }

    /// The live session at this id, or behind a door there. Not a use.
    pub(super) async fn find(&self, key: RecordKey) -> Result<Option<Kept>, Error> {
        Ok(self.look(key).await?.live())
    }

    /// Keeps a loaded session for the write of the same request.
    pub(super) fn remember(&self, kept: Kept) {
        self.recent.put(kept);
    }

    /// Takes the session that was recently loaded from this id. It may be written unless another request wrote since;
    /// the store checks whether it is live.
    pub(super) fn recall(&self, key: RecordKey) -> Option<Kept> {
        self.recent.take(key)
    }

    /// Records a use concurrently if one is due.
    pub(super) async fn touch(&self, kept: &Kept) {
        if kept.session.is_touch_due(self.store().now()) {
            let (sessions, touch) = (self.sessions.clone(), kept.session.touch(None));
            let touched = async move { sessions.store().touch(sessions.op()?, &touch).await.map(drop) };
            self.store().touch_beside(touched).await;
        }
    }

    /// Creates a session with this record; a user's is added to their index. False if the id is taken.
    pub(super) async fn make(&self, key: RecordKey, user: Option<&str>, content: &RecordContent) -> Done {
        self.make_with(key, user, content, None).await
    }

    /// Creates a session under a new key in the user's bucket, or for a guest in any; retries while the id is taken.
    pub(super) async fn make_new<K: Send>(
        &self,
        user: Option<&str>,
        content: &RecordContent,
        mut mint: impl FnMut(Option<Bucket>) -> Result<(RecordKey, K), RandomError> + Send,
    ) -> Result<K, RecordError> {
        let bucket = user.map(|user| UserHash::of(user).bucket());
        for _ in 0..MINTS {
            let (record_key, key) = mint(bucket).map_err(Error::from)?;
            if self.make(record_key, user, content).await? {
                return Ok(key);
            }
        }
        Err(self.refusal(Refused::Exists))
    }

    /// The same with another field besides the record, whose name sorts before `record`.
    async fn make_with(
        &self,
        key: RecordKey,
        user: Option<&str>,
        content: &RecordContent,
        more: Option<(String, Option<Vec<u8>>)>,
    ) -> Done {
        let (new, mut delta) = self.new_session(key, user, content)?;
        delta.changes.splice(0..0, more);
        let answer = match user {
            None => self.store().create(self.sessions.op()?, &new, &delta).await?,
            Some(_) => self.store().login(self.sessions.op()?, &self.login(new, None, delta)).await?,
        };
        match answer {
            Ok(_) => Ok(true),
            Err(Refused::Exists) => Ok(false),
            Err(refused) => Err(self.refusal(refused)),
        }
    }

    /// Replaces a session by a user's session with this record, in one step. False if the old one has ended.
    #[cfg(feature = "actix-session")]
    pub(super) async fn log_in(&self, old: &Kept, key: RecordKey, user: &str, content: &RecordContent) -> Done {
        let (new, delta) = self.new_session(key, Some(user), content)?;
        let login = self.login(new, Some(old.session.old()), delta);
        self.done(self.store().login(self.sessions.op()?, &login).await?.map(drop))
    }

    /// Replaces a user's session by a guest session with this record, in one step. False if the old one has ended.
    #[cfg(feature = "actix-session")]
    pub(super) async fn log_out(&self, old: &Kept, key: RecordKey, content: &RecordContent) -> Done {
        let (new, delta) = self.new_session(key, None, content)?;
        let successor = Some((new, vec![RECORD.to_owned()]));
        let end = End { old: old.session.old(), reason: EndReason::LoggedOut, successor, delta };
        self.done(self.store().end(self.sessions.op()?, &end).await?.map(drop))
    }

    /// Writes the record and sets the session's lifetime. `None` if the session has ended; false if it was written
    /// since it was loaded at this version.
    ///
    /// The lifetime comes first: its reply has the metadata that the write is compared with.
    pub(super) async fn write(
        &self,
        kept: &Kept,
        version: Option<u32>,
        content: &RecordContent,
    ) -> Result<Option<bool>, RecordError> {
        let delta = self.delta(content)?;
        let Some(kept) = self.renewed(kept, content.left_ms).await? else { return Ok(None) };
        let written = self.save(&kept, version, delta).await?;
        if written == Some(true) {
            self.touch(&kept).await;
        }
        Ok(written)
    }

    /// Writes fields. `None` if the session has ended; false if it was written since it was loaded at this version.
    pub(super) async fn save(
        &self,
        kept: &Kept,
        version: Option<u32>,
        delta: Delta,
    ) -> Result<Option<bool>, RecordError> {
        let save = kept.session.save(version, delta.into(), Arc::clone(&kept.fields));
        match self.store().save(self.sessions.op()?, &save).await? {
            Ok(_) => Ok(Some(true)),
            Err(Refused::Conflict) => Ok(Some(false)),
            Err(Refused::Gone(_)) => Ok(None),
            Err(refused) => Err(self.refusal(refused)),
        }
    }

    /// Sets the lifetime from now, within the builder's timeouts; a use. False if the session has ended.
    #[cfg(feature = "actix-session")]
    pub(super) async fn last(&self, kept: &Kept, left_ms: Millis) -> Done {
        let Some(kept) = self.renewed(kept, left_ms).await? else { return Ok(false) };
        self.touch(&kept).await;
        Ok(true)
    }

    /// The session with this lifetime from now; `None` if it had to be changed and the session has ended.
    async fn renewed(&self, kept: &Kept, left_ms: Millis) -> Result<Option<Kept>, RecordError> {
        let Meta { since, lifetimes: set, .. } = &kept.session.meta;
        let Some(left_ms) = life::to_set(set, &self.lifetimes(*since, left_ms), left_ms) else {
            return Ok(Some(kept.clone()));
        };
        let retime = kept.session.retime(self.lifetimes(*since, left_ms));
        match self.store().retime(self.sessions.op()?, &retime).await? {
            Ok((meta, etag)) => {
                self.lead(kept.door, kept.session.id, left_ms).await?;
                let mut kept = kept.clone();
                kept.session.retimed(&meta, etag);
                Ok(Some(kept))
            }
            Err(Refused::Gone(_) | Refused::Conflict) => Ok(None),
            Err(refused) => Err(self.refusal(refused)),
        }
    }

    /// Ends the session. False if it has ended, perhaps by a login: the session that its id leads to is then live.
    async fn end(&self, kept: &Kept, reason: EndReason) -> Done {
        let end = End { old: kept.session.old(), reason, successor: None, delta: Delta::default() };
        self.done(self.store().end(self.sessions.op()?, &end).await?.map(drop))
    }

    /// Ends the session that this id leads to, also after concurrent logins there.
    pub(super) async fn end_at(&self, key: RecordKey, reason: EndReason) -> Result<(), RecordError> {
        for _ in 0..TRIES {
            match self.find(key).await? {
                Some(kept) if !self.end(&kept, reason).await? => {}
                Some(_) | None => return Ok(()),
            }
        }
        Err(Error::Unavailable(Outage::new("too many logins under one id at once")).into())
    }

    /// The timeouts of a session whose record lasts this long from now: the builder's, if set, limited by the record's
    /// expiry.
    fn lifetimes(&self, since: Millis, left_ms: Millis) -> Lifetimes {
        let settings = self.sessions.settings();
        let ours = if settings.timeouts_given { settings.lifetimes } else { settings.lifetimes.without_end() };
        let now = self.store().now();
        let life_ms = now.saturating_sub(since).saturating_add(left_ms);
        self.warn_if_cut(left_ms, ours.life_ms(since, now));
        Lifetimes { absolute_ms: ours.absolute_ms.min(life_ms), ..ours }
    }

    /// Logs once that sessions end before the application's expiry, so that its cookies outlive them.
    fn warn_if_cut(&self, asked_ms: Millis, most_ms: Millis) {
        if asked_ms > most_ms + SAME_MS && !self.cut.swap(true, Ordering::Relaxed) {
            let [asked, most] = [asked_ms, most_ms].map(std::time::Duration::from_millis);
            tracing::warn!(
                ?asked,
                ?most,
                "the application asks for longer sessions than the timeouts of the builder allow: they end earlier than \
                 their cookies; do not call `Builder::timeouts`, or give the application the same expiry"
            );
        }
    }

    /// The session's lifetime if the load that found it was its last use.
    pub(super) fn left_ms(&self, kept: &Kept) -> Millis {
        let (meta, now) = (&kept.session.meta, self.store().now());
        let touched = if kept.session.is_touch_due(now) { now } else { meta.touched };
        (touched + meta.lifetimes.life_ms(meta.since, touched)).saturating_sub(now)
    }

    fn new_session(
        &self,
        key: RecordKey,
        user: Option<&str>,
        content: &RecordContent,
    ) -> Result<(NewSession, Delta), Error> {
        let settings = self.sessions.settings();
        user.map_or(Ok(()), |user| settings.limits.check_user(user)).map_err(Error::from)?;
        let new = NewSession {
            id: key.id,
            secret: key.secret,
            lifetimes: self.lifetimes(self.store().now(), content.left_ms),
            grace_ms: settings.grace_ms,
            user: user.map(str::to_owned),
            client: ClientInfo::new(),
            remember: None,
        };
        Ok((new, self.delta(content)?))
    }

    fn login(&self, new: NewSession, old: Option<Old>, delta: Delta) -> NewLogin {
        let gate = Gate { cap: self.sessions.settings().cap, ticket: None };
        NewLogin { new, old, seen: None, keep: vec![RECORD.to_owned()], delta, gate, door_ms: 0 }
    }

    fn delta(&self, content: &RecordContent) -> Result<Delta, Error> {
        self.sessions.settings().limits.check_field(RECORD, &content.stored)?;
        Ok(Delta { clear: false, changes: vec![(RECORD.to_owned(), Some(content.stored.clone()))] })
    }

    /// After another login, the session is not the one that was loaded.
    fn done(&self, answer: Result<(), Refused>) -> Done {
        match answer {
            Ok(()) => Ok(true),
            Err(Refused::Gone(_) | Refused::Conflict) => Ok(false),
            Err(refused) => Err(self.refusal(refused)),
        }
    }

    fn refusal(&self, refused: Refused) -> RecordError {
        match refused {
            Refused::AtCap => RecordError::AtCap,
            refused => RecordError::Ours(refused.into_error(&self.sessions.settings().limits, RECORD)),
        }
    }
}

/// The time left of a record, in milliseconds; `None` if it is over.
pub(super) fn left_ms(left: Duration) -> Option<Millis> {
    let left_ms = u64::try_from(left.whole_milliseconds().max(0)).unwrap_or(u64::MAX);
    (left_ms > 0).then_some(left_ms)
}

/// Logs a late write. It is not an error, since the application could not do anything about it.
pub(super) fn too_late(id: SessionId) {
    rarely!(warn, %id, "write to an ended session discarded");
}

#[cfg(test)]
mod tests;
