//! Saving changed fields. The first save of a draft creates the session.

use super::{Live, Phase, Session, SessionState};
use crate::config::limits::{LimitExceeded, Limits};
use crate::end::EndReason;
use crate::error::{Error, Outage};
use crate::fields::{Delta, Fields};
use crate::identity::id::{Bucket, SessionId};
use crate::identity::token::SessionToken;
use crate::store::{LoadedSession, MINTS, NewSession, Op, Record, Refused, Save, Wrote};

/// The result of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a save that met a conflict or an ended session wrote nothing"]
pub enum SaveOutcome {
    /// The changes are stored, and the session was live when they were.
    Saved,
    /// There was nothing to save, and no command was sent.
    Unchanged,
    /// Nothing was written: since the load, the user logged in again in this session more than a minute ago, or twice;
    /// or the session was written and the save had required that it was not.
    ///
    /// A handler that reports this itself calls [`discard`](Session::discard).
    Conflict,
    /// Nothing was written: the session has ended, for this reason if known.
    Gone(Option<EndReason>),
    /// Nothing was written: the client may have a session whose cookie its browser withheld from this request, and a
    /// new session would replace it. See [`Session::cookie_may_be_withheld`]; only in the web layer.
    Withheld,
}

impl SaveOutcome {
    /// Converts the outcome for `?`: an error unless the changes are stored.
    ///
    /// # Errors
    /// [`Error::Conflict`], [`Error::Gone`] and [`Error::Withheld`].
    pub const fn into_result(self) -> Result<(), Error> {
        match self {
            Self::Saved | Self::Unchanged => Ok(()),
            Self::Conflict => Err(Error::Conflict),
            Self::Gone(reason) => Err(Error::Gone(reason)),
            Self::Withheld => Err(Error::Withheld),
        }
    }
}

impl Session {
    /// Sends the changed fields and no others. Two requests that change different fields lose nothing.
    ///
    /// A draft with changes becomes a session. An ended session is never brought back.
    ///
    /// If the same user has logged in again in this session since the load (re-authentication), changes are accepted
    /// for 60 s after that login, so that requests of other tabs lose nothing. Later, and after a second such login,
    /// the result is [`SaveOutcome::Conflict`]: a new login locks out whoever had the old secret. So a field never
    /// proves that a login is new, and [`clear`](Self::clear) at a login does not keep such late writes away. Take
    /// privileges from [`auth_time`](Self::auth_time), [`reauthentication_due`](Self::reauthentication_due) or
    /// `RequireFresh`, not from a field.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: not saved. [`Error::Indeterminate`]: perhaps saved. In both cases the changes stay
    /// pending and saving again is safe: a repeat is recognized. [`Error::Limit`]: not saved; [`Error::TooLate`] once
    /// the response has begun.
    ///
    /// # Cancel safety
    /// If dropped, the save was executed or not; saving again is safe.
    ///
    /// # Redis
    /// One `EVALSHA` of `swap.lua`, then one of `save.lua` if the session was written since the load; one of
    /// `create.lua` for a draft; none without changes.
    pub async fn save(&self) -> Result<SaveOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        self.state().refuse_late()?;
        self.state().unchanged_only = false;
        self.save_in_turn(false).await
    }

    /// The implicit save at the end of a request. It uses the mode of the handler's last explicit save. Changes already
    /// reported as conflicting are dropped; if the handler changed more since, that is a conflict again. A draft whose
    /// cookie may be withheld is not saved, and the handler's response stays.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) async fn save_unasked(&self) -> Result<SaveOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        self.state().refuse_late()?;
        let unchanged_only = {
            let mut state = self.state();
            if let Some(changed_since) = state.conflicted.as_ref().map(|reported| **reported != *state.fields.delta()) {
                state.drop_refused();
                return Ok(if changed_since { SaveOutcome::Conflict } else { SaveOutcome::Unchanged });
            }
            state.unchanged_only
        };
        let outcome = self.save_in_turn(unchanged_only).await?;
        Ok(if outcome == SaveOutcome::Withheld { SaveOutcome::Unchanged } else { outcome })
    }

    /// Like [`save`](Self::save), but returns [`SaveOutcome::Conflict`] if anyone wrote to the session, or logged in
    /// again in it, since it was loaded. After such a login, `reload` returns [`Error::Gone`]: this handle's secret is
    /// no longer valid.
    ///
    /// After a conflict, [`reload`](Self::reload) and make the change again, [`discard`](Self::discard) it, or
    /// overwrite with `save`. Otherwise the conflicting changes are discarded, with a log line, when the request ends
    /// or at the next login or logout. Until then an increment of such a field returns [`Error::Conflict`], and changes
    /// made after the conflict make the response a conflict. After an error, the implicit save at the end of the
    /// request uses this mode too.
    ///
    /// # Errors
    /// As `save`.
    ///
    /// # Redis
    /// As `save`.
    pub async fn save_if_unchanged(&self) -> Result<SaveOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        self.state().refuse_late()?;
        self.state().unchanged_only = true;
        let outcome = self.save_in_turn(true).await?;
        self.state().unchanged_only = false;
        Ok(outcome)
    }

    pub(super) async fn save_in_turn(&self, unchanged_only: bool) -> Result<SaveOutcome, Error> {
        let settled = self.settle_last().await?;
        if let Some(outcome) = settled
            && outcome != SaveOutcome::Saved
        {
            return Ok(outcome);
        }
        let call = {
            let mut state = self.state();
            let SessionState { phase, fields, withheld, .. } = &mut *state;
            if !fields.is_dirty() {
                return Ok(settled.unwrap_or(SaveOutcome::Unchanged));
            }
            match phase {
                Phase::Ended(reason) => {
                    let reason = *reason;
                    // Reported once; the caller decides what to do.
                    *fields = Fields::default();
                    return Ok(SaveOutcome::Gone(reason));
                }
                Phase::Draft { .. } if withheld.forbids_new() => return Ok(SaveOutcome::Withheld),
                Phase::Draft { bucket, .. } => Err((*bucket, fields.send())),
                Phase::Live(live) => {
                    let version = unchanged_only.then_some(live.session.meta.version);
                    Ok(live.session.save(version, fields.send(), fields.known()))
                }
            }
        };
        match call {
            Ok(save) => self.send(self.sessions().op()?, save).await,
            Err((bucket, delta)) => self.create(bucket, &delta).await.map(|()| SaveOutcome::Saved),
        }
    }

    /// Repeats a save whose reply was lost; `None` if there is none.
    async fn settle_last(&self) -> Result<Option<SaveOutcome>, Error> {
        let Some((op, save)) = self.state().unsettled.clone() else { return Ok(None) };
        self.send(Op { again: true, ..op }, save).await.map(Some)
    }

    async fn send(&self, op: Op, save: Save) -> Result<SaveOutcome, Error> {
        self.state().unsettled = Some((op, save.to_repeat()));
        let answer = self.sessions().store().save(op, &save).await;
        // Dropped first, or recording the change would have to copy the fields.
        let Save { delta: saved, version: required, snapshot, .. } = save;
        drop(snapshot);
        let mut state = self.state();
        state.failing = answer.is_err();
        // Once it can no longer be executed, or certainly was not, the pending changes need a new operation.
        let over = || self.sessions().store().now() > op.not_after;
        let is_unknown = op.again || matches!(answer, Err(Error::Indeterminate(_)));
        if answer.is_ok() || !is_unknown || over() {
            state.unsettled = None;
        }
        match answer? {
            Ok(wrote) => {
                state.resolved();
                state.fields.settle(&saved);
                state.overtaken(&wrote);
                if let Some(live) = state.live_mut() {
                    live.wrote(wrote, !saved.is_empty());
                }
                Ok(SaveOutcome::Saved)
            }
            Err(Refused::Conflict) => {
                state.conflicted = Some(saved);
                if required.is_none() {
                    state.superseded();
                }
                Ok(SaveOutcome::Conflict)
            }
            Err(Refused::Gone(reason)) => {
                let _ = state.gone(reason);
                Ok(SaveOutcome::Gone(reason))
            }
            Err(refused) => Err(refused.into_error(&self.sessions().settings().limits, "")),
        }
    }

    /// Creates the session of a draft, under a new id.
    pub(super) async fn create(&self, bucket: Option<Bucket>, delta: &Delta) -> Result<(), Error> {
        for _ in 0..MINTS {
            let bucket = bucket.map_or_else(Bucket::random, Ok)?;
            let (new, token) = self.new_session(bucket, None)?;
            let answer = self.sessions().store().create(self.sessions().op()?, &new, delta).await;
            self.state().failing = answer.is_err();
            self.note_outcome(&token, &answer);
            match answer? {
                Ok(record) => {
                    let mut state = self.state();
                    state.fields.settle(delta);
                    state.begin(record.into_session(new.id).0, token);
                    return Ok(());
                }
                Err(Refused::Exists) => {}
                Err(refused) => return Err(refused.into_error(&self.sessions().settings().limits, "")),
            }
        }
        Err(ids_taken())
    }

    /// A new session of this client, and its token.
    pub(super) fn new_session(
        &self,
        bucket: Bucket,
        user: Option<String>,
    ) -> Result<(NewSession, SessionToken), Error> {
        let id = SessionId::mint(bucket)?;
        let token = self.mint(id)?;
        let new = NewSession {
            id,
            secret: token.hash(),
            lifetimes: self.state().lifetimes,
            grace_ms: self.sessions().settings().grace_ms,
            user,
            client: self.client().clone(),
            remember: None,
        };
        Ok((new, token))
    }
}

pub(super) fn ids_taken() -> Error {
    Error::Unavailable(Outage::new("several new ids were in use already: the random generator repeats values"))
}

impl Live {
    /// Records the version that our own write created. If others wrote in between, the snapshot stays older than that.
    /// An empty write creates no version, so the returned one is another writer's.
    pub(super) fn wrote(&mut self, wrote: Wrote, something: bool) {
        let version = &mut self.session.meta.version;
        if something && wrote.version == version.wrapping_add(1) {
            *version = wrote.version;
        }
        self.session.etag = wrote.etag;
    }
}

impl SessionState {
    /// Continues with a newly created session.
    pub(super) fn begin(&mut self, session: LoadedSession, token: SessionToken) {
        let live = Live { presented: token.presented(), loaded: session.meta.touched, session };
        self.lifetimes = live.session.meta.lifetimes;
        if let Some(minted) = &mut self.minted {
            minted.stored(&token, live.session.meta.uses);
        }
        self.phase = Phase::Live(Box::new(live));
        self.issued = Some(token);
        self.resolved();
    }

    /// The same with the fields that the store holds. Pending changes are part of them or were meant for the old
    /// session.
    pub(super) fn begin_with(&mut self, id: SessionId, record: Record, token: SessionToken) {
        let (session, fields) = record.into_session(id);
        self.fields = Fields::new(fields);
        self.begin(session, token);
    }
}

impl Refused {
    /// The error for a caller that has no outcome for this refusal.
    pub(crate) fn into_error(self, limits: &Limits, field: &str) -> Error {
        match self {
            Self::Gone(reason) => Error::Gone(reason),
            Self::Conflict | Self::AlreadyRotated | Self::AtCap | Self::TicketVoid | Self::NotJoined => Error::Conflict,
            Self::Exists => ids_taken(),
            Self::WrongKind => Error::WrongKind { field: field.to_owned(), found: crate::FieldKind::Value },
            Self::Overflow => Error::Overflow { field: field.to_owned() },
            Self::TooManyFields => LimitExceeded::Fields { most: limits.fields }.into(),
            Self::TooManyBytes => LimitExceeded::SessionBytes { most: limits.session_bytes }.into(),
        }
    }
}
