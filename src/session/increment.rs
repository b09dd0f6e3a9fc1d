//! Counters, incremented in Redis so that no increment is lost.

use super::{SaveOutcome, Session};
use crate::config::limits::check_field_name;
use crate::error::Error;
use crate::fields::codec;
use crate::fields::codec::FieldKind;
use crate::store::{Increment, Refused};

impl Session {
    /// Adds to a counter, atomically over all servers, and returns its new value. A missing counter starts at 0, so
    /// [`remove`](Self::remove) resets it.
    ///
    /// Takes effect without a save; on a draft it creates the session. A pending change of the same field is saved
    /// first. If a draft is not stored because its cookie [may be withheld](Self::cookie_may_be_withheld), the
    /// increment is local.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if the field is not a counter; [`Error::Overflow`], and the value is unchanged;
    /// [`Error::Gone`] if the session has ended; [`Error::Conflict`] if the user logged in again since the load, by the
    /// same rule as [`save`](Self::save); [`Error::Limit`]. [`Error::TooLate`] for a draft once the response has begun,
    /// since its token could not be sent. After [`Error::Indeterminate`] the increment may have been executed; a repeat
    /// adds again.
    ///
    /// # Cancel safety
    /// If dropped, the increment was executed once or not at all.
    ///
    /// # Redis
    /// One `EVALSHA` of `swap.lua`, then one of `increment.lua` if the session was written since the load; one of
    /// `create.lua` for a draft.
    pub async fn increment(&self, name: &str, by: i64) -> Result<i64, Error> {
        check_field_name(name)?;
        let _turn = self.0.turn.lock().await;
        self.state().refuse_ended()?;
        if self.state().live().is_none() {
            self.state().refuse_change()?;
            return self.increment_draft(name, by).await;
        }
        if self.state().fields.changed(name) {
            if self.state().conflicted.is_some() {
                return Err(Error::Conflict);
            }
            self.save_in_turn(false).await?.into_result()?;
        }
        self.increment_live(name, by).await
    }

    async fn increment_live(&self, name: &str, by: i64) -> Result<i64, Error> {
        let call = {
            let state = self.state();
            state.live().map(|live| Increment {
                id: live.session.id,
                generation: live.session.meta.generation,
                field: name.to_owned(),
                by,
                snapshot: live.session.snapshot(state.fields.known()),
            })
        };
        let Some(call) = call else { return Err(Error::Gone(self.ended())) };
        let answer = self.sessions().store().increment(self.sessions().op()?, &call).await?;
        drop(call);
        let mut state = self.state();
        match answer {
            Ok((value, wrote)) => {
                state.fields.store_known(name, Some(&codec::encode_counter(value)));
                state.overtaken(&wrote);
                if let Some(live) = state.live_mut() {
                    live.wrote(wrote, true);
                }
                Ok(value)
            }
            Err(Refused::WrongKind) => Err(Error::WrongKind { field: name.to_owned(), found: state.found(name) }),
            Err(refused) => Err(state.refused(refused, &self.sessions().settings().limits, name)),
        }
    }

    async fn increment_draft(&self, name: &str, by: i64) -> Result<i64, Error> {
        let value = self.counter(name)?.unwrap_or(0).checked_add(by);
        let value = value.ok_or_else(|| Error::Overflow { field: name.to_owned() })?;
        let before = self.state().fields.get(name).map(<[u8]>::to_vec);
        self.put(name, codec::encode_counter(value))?;
        let saved = match self.save_in_turn(false).await {
            Ok(SaveOutcome::Withheld) => Ok(()),
            saved => saved.and_then(SaveOutcome::into_result),
        };
        if saved.is_err() {
            // Not executed, so a later save must not send it.
            match before {
                Some(before) => self.state().fields.set(name, before),
                None => drop(self.state().fields.remove(name)),
            }
        }
        saved.map(|()| value)
    }
}

impl super::SessionState {
    /// The kind of a field that is not a counter: as loaded, or the most likely one.
    fn found(&self, name: &str) -> FieldKind {
        let known = self.fields.get(name).and_then(codec::kind);
        known.filter(|kind| *kind != FieldKind::Counter).unwrap_or(FieldKind::Value)
    }
}
