//! Sending changed fields; the first save of a draft makes the session.

use super::{Live, Phase, Session, SessionState};
use crate::config::limits::{LimitExceeded, Limits};
use crate::end::EndReason;
use crate::error::{Error, Outage};
use crate::fields::{Delta, Fields};
use crate::identity::id::{Bucket, SessionId};
use crate::identity::token::SessionToken;
use crate::store::{Contract, Meta, NewSession, Op, Record, Refused, Save, Snapshot, Wrote};

/// New ids that are tried when one is taken: with 110 random bits, the second means a broken generator.
pub(super) const MINTS: usize = 3;

/// What became of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a save that met a conflict or an ended session wrote nothing"]
pub enum SaveOutcome {
    /// The changes are stored, and the session was live when they were.
    Saved,
    /// There was nothing to save; no command was sent.
    Unchanged,
    /// Nothing was written: the user logged in again in this session more than a minute ago, or twice, since the load; or the
    /// session was written since the load and the save asked for that.
    ///
    /// A handler that reports this itself calls [`discard`](Session::discard).
    Conflict,
    /// Nothing was written: the session has ended, for this reason if it is known.
    Gone(Option<EndReason>),
    /// Nothing was written: the client may have a session whose cookie its browser withheld from this request, and a new
    /// one would replace it. See [`Session::cookie_may_be_withheld`]; it happens in the web layer alone.
    Withheld,
}

impl SaveOutcome {
    /// The outcome as a result, for `?`: an error unless the changes are stored.
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
    /// Sends the changed fields, and only those; two requests that change different fields lose nothing.
    ///
    /// A draft with changes becomes a session. A session that has ended is never brought back.
    ///
    /// If the same user has logged in again in this session since the load (re-authentication), the changes are saved for
    /// 60 s after that login, so that requests of other tabs lose nothing; later, and after a second such login, they are a
    /// [`SaveOutcome::Conflict`]: a new login shuts out whoever had the secret before. So a field never shows that a login is
    /// new, and [`clear`](Self::clear) at a login does not keep such late writes away: privileges come from
    /// [`auth_time`](Self::auth_time), [`reauthentication_due`](Self::reauthentication_due) or `RequireFresh`, not from a field.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: not saved. [`Error::Indeterminate`]: perhaps saved. In both cases the changes stay
    /// pending and saving again is safe: it is told from the first. [`Error::Limit`]: not saved;
    /// [`Error::TooLate`] once the response has begun.
    ///
    /// # Cancel safety
    /// Dropped midway, the save was done or not; saving again is safe.
    ///
    /// # Redis
    /// One `EVALSHA` of `swap.lua`, and if anyone wrote to the session since the load another of `save.lua`; one of
    /// `create.lua` for a draft; none without changes.
    pub async fn save(&self) -> Result<SaveOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        self.refuse_late()?;
        self.state().unchanged_only = false;
        self.save_in_turn(false).await
    }

    /// What is done when the response goes out: a save as the handler asked for one last, but of nothing that it was told
    /// a conflict of. What it changed after that is a conflict again. A draft of a request whose cookie may be withheld is
    /// left alone, and the handler's response stays.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) async fn save_unasked(&self) -> Result<SaveOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        self.refuse_late()?;
        let unchanged_only = {
            let mut state = self.state();
            if let Some(news) = state.conflicted.as_ref().map(|told| told != state.fields.delta()) {
                state.drop_refused();
                return Ok(if news { SaveOutcome::Conflict } else { SaveOutcome::Unchanged });
            }
            state.unchanged_only
        };
        let outcome = self.save_in_turn(unchanged_only).await?;
        Ok(if outcome == SaveOutcome::Withheld { SaveOutcome::Unchanged } else { outcome })
    }

    /// Like [`save`](Self::save), but returns [`SaveOutcome::Conflict`] if anyone wrote to the session since it was loaded, or
    /// logged in again in it; after that login, `reload` is [`Error::Gone`]: this handle's secret opens nothing any more.
    ///
    /// After a conflict, [`reload`](Self::reload) and make the change again, or [`discard`](Self::discard) it. Without that, or a `save` that overwrites, what was
    /// refused goes out with nothing else: the response, a login and an end drop it, and the log says so; an increment of a
    /// field with such a change is [`Error::Conflict`]; and if more was changed since, so is the response. After an error, what
    /// is saved when the response goes out is saved as here.
    ///
    /// # Errors
    /// As `save`.
    ///
    /// # Redis
    /// As `save`.
    pub async fn save_if_unchanged(&self) -> Result<SaveOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        self.refuse_late()?;
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
        let (draft, call) = {
            let mut state = self.state();
            let SessionState { phase, fields, withheld, .. } = &mut *state;
            if !fields.is_dirty() {
                return Ok(settled.unwrap_or(SaveOutcome::Unchanged));
            }
            match phase {
                Phase::Ended(reason) => {
                    let reason = *reason;
                    // Told once: what to do about it is the caller's.
                    *fields = Fields::default();
                    return Ok(SaveOutcome::Gone(reason));
                }
                Phase::Draft { .. } if withheld.forbids_new() => return Ok(SaveOutcome::Withheld),
                Phase::Draft { bucket, .. } => (*bucket, Err(fields.send())),
                Phase::Live(live) => (None, Ok(save_call(live, fields, unchanged_only))),
            }
        };
        match call {
            Ok(save) => self.send(self.sessions().op()?, save).await,
            Err(delta) => self.create(draft, &delta).await.map(|()| SaveOutcome::Saved),
        }
    }

    /// Sends a save again whose answer was not heard; `None` if there is none.
    async fn settle_last(&self) -> Result<Option<SaveOutcome>, Error> {
        let Some((op, save)) = self.state().unsettled.clone() else { return Ok(None) };
        self.send(Op { again: true, ..op }, save).await.map(Some)
    }

    async fn send(&self, op: Op, save: Save) -> Result<SaveOutcome, Error> {
        self.state().unsettled = Some((op, save.to_repeat()));
        let answer = self.sessions().store().save(op, &save).await;
        // The snapshot goes, or noting the change would have to copy the fields.
        let Save { delta: saved, version: asked, snapshot, .. } = save;
        drop(snapshot);
        let mut state = self.state();
        state.failing = answer.is_err();
        // Once it can be done no more, or surely was not, the changes that stay pending are another call.
        let over = || self.sessions().store().now() > op.not_after;
        let unheard = op.again || matches!(answer, Err(Error::Indeterminate(_)));
        if answer.is_ok() || !unheard || over() {
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
                if asked.is_none() {
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

    /// Makes the session of a draft, under a new id.
    pub(super) async fn create(&self, bucket: Option<Bucket>, delta: &Delta) -> Result<(), Error> {
        for _ in 0..MINTS {
            let bucket = bucket.map_or_else(Bucket::random, Ok)?;
            let (new, token) = self.new_session(bucket, None)?;
            let answer = self.sessions().store().create(self.sessions().op()?, &new, delta).await;
            self.state().failing = answer.is_err();
            self.heard(&token, &answer);
            match answer? {
                Ok(record) => {
                    let mut state = self.state();
                    state.fields.settle(delta);
                    state.begin(new.id, record.meta, token);
                    return Ok(());
                }
                Err(Refused::Exists) => {}
                Err(refused) => return Err(refused.into_error(&self.sessions().settings().limits, "")),
            }
        }
        Err(ids_taken())
    }

    /// What a new session of this client is made of, and its token.
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
    Error::Unavailable(Outage::new("new ids in a row were taken: the random generator repeats itself"))
}

fn save_call(live: &Live, fields: &mut Fields, unchanged_only: bool) -> Save {
    Save {
        id: live.id,
        generation: live.meta.generation,
        version: unchanged_only.then_some(live.meta.version),
        delta: fields.send(),
        snapshot: live.snapshot(fields),
    }
}

impl Live {
    /// What a store may compare with, if it answered that and we hold all that stood there.
    pub(super) fn snapshot(&self, fields: &Fields) -> Option<Snapshot> {
        let etag = self.meta.etag.0.clone()?;
        Some(Snapshot { etag, fields: fields.known() })
    }

    /// Notes a version that our own write made. If others wrote in between, our snapshot stays older than that. A write
    /// of nothing makes no version: the one that it answers is somebody else's.
    pub(super) fn wrote(&mut self, wrote: Wrote, something: bool) {
        if something && wrote.version == self.meta.version.wrapping_add(1) {
            self.meta.version = wrote.version;
        }
        self.meta.etag = wrote.etag;
    }

    /// Takes over the metadata's bytes as another operation left them, if the fields that we hold still stand beside it.
    pub(super) fn follow(&mut self, now: &mut Meta) {
        let fields_stand = (now.generation, now.version) == (self.meta.generation, self.meta.version);
        if fields_stand && self.meta.etag.0.is_some() {
            self.meta.etag = std::mem::take(&mut now.etag);
        }
    }
}

impl SessionState {
    /// Goes on with a session that was just made.
    pub(super) fn begin(&mut self, id: SessionId, meta: crate::store::Meta, token: SessionToken) {
        let live = Live { id, presented: token.presented(), loaded: meta.touched, meta };
        self.lifetimes = live.meta.lifetimes;
        if let Some(minted) = &mut self.minted {
            minted.stored(&token, live.meta.uses);
        }
        self.phase = Phase::Live(Box::new(live));
        self.issued = Some(token);
        self.unsettled = None;
        self.resolved();
    }

    /// The same with the fields that the store holds; what was pending is part of them or was meant for the session before.
    pub(super) fn begin_with(&mut self, id: SessionId, record: Record, token: SessionToken) {
        self.fields = Fields::new(record.fields);
        self.begin(id, record.meta, token);
    }
}

impl Refused {
    /// A refusal as the error that a caller without an outcome for it gets.
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
