//! Operations on one existing session: touch, save, increment, rotate, retime, end.

use std::sync::Arc;

use crate::config::limits::check_field_name;
use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::{SessionId, UserHash};
use crate::store::redis::Redis;
use crate::store::redis::layout::keys::KeyBytes;
use crate::store::redis::layout::meta::tail;
use crate::store::redis::ops::load::{live_meta, record_if_any};
use crate::store::redis::ops::{resharding, swap};
use crate::store::redis::script::call::{Delivery, ScriptCall};
use crate::store::redis::script::reply::{Code, bytes, digits, unexpected};
use crate::store::redis::script::scripts;
use crate::store::{
    End, Etag, FORMER_CSRF_LIFE_MS, FORMER_CSRF_MOST, Increment, Meta, Op, PREVIOUS_GRACE_MS, ROTATION_SETTLES_MS,
    Record, Refused, Replicas, Retime, Rotate, Save, StoreResult, Touch, Undelivered, Wrote,
};

/// Limit of calls repeated with what the last reply returned. With an interval of a few milliseconds, a touch can meet
/// another one each time.
const TRIES: usize = 100;

impl Redis {
    /// Repeats if another touch came between and this one is still due, or with the user's index, if the caller took the
    /// session for a guest's.
    pub(crate) async fn touch(&self, op: Op, touch: &Touch) -> StoreResult<(Meta, Option<Etag>)> {
        let key = self.keys.session(touch.id);
        let first_use = touch.first_use.as_ref().map_or(&b""[..], |secret| &secret.0);
        let mut delivery = self.delivery(op);
        let (mut seen, mut user) = (touch.seen, touch.user.clone());
        for _ in 0..TRIES {
            let index = user.map_or_else(|| key.clone(), |user| self.keys.index(&UserHash::of(&user)));
            let call = ScriptCall::new(&scripts::TOUCH, vec![key.clone(), index]).number(seen).bytes(first_use);
            let reply = self.call(&mut delivery, &call).await?;
            if !matches!(reply.code, Code::SeenAnother | Code::NameIndex) {
                return reply.answer(|packed| live_meta(self, packed));
            }
            let (meta, _) = live_meta(self, reply.value()?)?;
            (seen, user) = (meta.touched, meta.user);
        }
        Err(unexpected())
    }

    pub(crate) async fn save(&self, op: Op, save: &Save) -> StoreResult<Wrote> {
        let mut delivery = self.delivery(op);
        if let Some(wrote) = swap::save(self, &mut delivery, save).await? {
            return Ok(Ok(wrote));
        }
        let call = ScriptCall::new(&scripts::SAVE, vec![self.keys.session(save.id)])
            .number(save.generation)
            .maybe(save.version)
            .number(self.settings.limits.fields)
            .number(self.settings.limits.session_bytes)
            .delta(&save.delta)?;
        let reply = self.call(&mut delivery, &call).await?;
        let overtaken = reply.code == Code::Overtaken;
        reply.answer(|content| Ok(Wrote { overtaken, ..Wrote::version(version(bytes(&content)?)?.0) }))
    }

    pub(crate) async fn increment(&self, op: Op, increment: &Increment) -> StoreResult<(i64, Wrote)> {
        check_field_name(&increment.field)?;
        let mut delivery = self.delivery(op);
        if let Some(answer) = swap::increment(self, &mut delivery, increment).await? {
            return Ok(Ok(answer));
        }
        let call = ScriptCall::new(&scripts::INCREMENT, vec![self.keys.session(increment.id)])
            .number(increment.generation)
            .bytes(increment.field.as_bytes())
            .number(increment.by)
            .number(self.settings.limits.fields)
            .number(self.settings.limits.session_bytes);
        let reply = self.call(&mut delivery, &call).await?;
        let overtaken = reply.code == Code::Overtaken;
        reply.answer(|content| {
            let (version, value) = version(bytes(&content)?)?;
            Ok((digits(value)?, Wrote { overtaken, ..Wrote::version(version) }))
        })
    }
}

/// A version of four bytes, and the rest.
fn version(content: &[u8]) -> Result<(u32, &[u8]), Error> {
    let (version, rest) = content.split_first_chunk().ok_or_else(unexpected)?;
    Ok((u32::from_be_bytes(*version), rest))
}

impl Redis {
    pub(crate) async fn rotate(&self, op: Op, rotate: &Rotate) -> StoreResult<(Meta, Option<Etag>)> {
        let call = ScriptCall::new(&scripts::ROTATE, vec![self.keys.session(rotate.id)])
            .number(rotate.generation)
            .bytes(&rotate.presented.0[..])
            .bytes(&rotate.current.0[..])
            .number(rotate.loaded)
            .bytes(&rotate.new.0[..])
            .number(PREVIOUS_GRACE_MS)
            .number(ROTATION_SETTLES_MS)
            .bytes(&rotate.csrf.0[..])
            .number(FORMER_CSRF_LIFE_MS)
            .number(FORMER_CSRF_MOST);
        let reply = self.call(&mut self.delivery(op), &call).await?;
        reply.answer(|packed| live_meta(self, packed))
    }

    pub(crate) async fn retime(&self, op: Op, retime: &Retime) -> StoreResult<(Meta, Option<Etag>)> {
        let mut delivery = self.delivery(op);
        let mut user = retime.user.clone();
        for _ in 0..TRIES {
            let call = ScriptCall::new(&scripts::RETIME, self.places(retime.id, user.as_deref()))
                .bytes(&retime.id.as_bytes()[..])
                .number(retime.generation)
                .lifetimes(&retime.lifetimes)
                .number(self.settings.remember_ms);
            let reply = self.call(&mut delivery, &call).await?;
            if reply.code != Code::NameIndex {
                return reply.answer(|packed| live_meta(self, packed));
            }
            user = live_meta(self, reply.value()?)?.0.user;
        }
        Err(unexpected())
    }

    pub(crate) async fn end(&self, op: Op, end: &End) -> StoreResult<Option<Record>> {
        self.end_with(self.delivery(op), end).await
    }

    pub(crate) async fn end_on(&self, op: Op, end: &End, replicas: &Arc<Replicas>) -> StoreResult<Option<Record>> {
        self.end_with(self.delivery(op).on(Some(replicas)), end).await
    }

    pub(crate) async fn end_with(&self, mut delivery: Delivery, end: &End) -> StoreResult<Option<Record>> {
        let mut keys = self.places(end.old.id, end.old.user.as_deref());
        let follows = end.successor.as_ref().map_or(end.old.id, |(new, _)| new.id);
        keys.push(self.keys.session(follows));
        let mut call = ScriptCall::new(&scripts::END, keys)
            .bytes(&end.old.id.as_bytes()[..])
            .number(end.old.generation)
            .number(end.reason.code())
            .number(self.settings.remember_ms);
        if let Some((new, keep)) = &end.successor {
            call = call
                .bytes(&new.id.as_bytes()[..])
                .fresh(new, tail(None, &new.client, new.remember))
                .number(self.settings.limits.fields)
                .number(self.settings.limits.session_bytes)
                .names(keep)
                .delta(&end.delta)?;
        }
        let answer = match self.call_if_whole(&mut delivery, &call).await? {
            Some(reply) => reply.answer_in_place(|hash| record_if_any(self, hash))?,
            None => resharding::end(self, &mut delivery, end).await?,
        };
        if answer.is_ok() {
            self.note_end(end.old.id, end.old.user.as_deref(), end.reason);
        }
        Ok(answer)
    }

    /// By `end` too, and while the slot moves by `end_by_key`: with the secret and the uses in the generation's place. A conflict is that the
    /// session lives on. Not in the journal: after a failover that undid it, somebody may have joined the session.
    pub(crate) async fn end_undelivered(&self, op: Op, undelivered: &Undelivered) -> StoreResult<bool> {
        let Undelivered { id, user, .. } = undelivered;
        let mut delivery = self.delivery(op);
        let mut keys = self.places(*id, user.as_deref());
        keys.push(self.keys.session(*id));
        let call = ScriptCall::new(&scripts::END, keys)
            .bytes(&id.as_bytes()[..])
            .bytes(undelivered.packed())
            .number(EndReason::Undelivered.code())
            .number(self.settings.remember_ms);
        let answer = match self.call_if_whole(&mut delivery, &call).await? {
            Some(reply) => reply.answer(|_| Ok(true))?,
            None => resharding::end_undelivered(self, &mut delivery, undelivered).await?,
        };
        Ok(match answer {
            Err(Refused::Conflict) => Ok(false),
            answer => answer,
        })
    }
}

impl Undelivered {
    /// The form that `lua/lib/undelivered.lua` reads.
    pub(crate) fn packed(&self) -> Vec<u8> {
        [&self.secret.0[..], &self.uses.to_be_bytes()].concat()
    }
}

impl Redis {
    /// The keys of a session, its deadline index and its user's index; for a guest the deadline index again.
    pub(crate) fn places(&self, id: SessionId, user: Option<&str>) -> Vec<KeyBytes> {
        let deadlines = self.keys.deadlines(id.bucket());
        let index = user.map_or_else(|| deadlines.clone(), |user| self.keys.index(&UserHash::of(user)));
        vec![self.keys.session(id), deadlines, index]
    }
}
