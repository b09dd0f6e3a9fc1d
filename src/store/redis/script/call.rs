//! Sending a script: keys and arguments, and a new operation id if the old one arrived too late.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::config::limits::check_field_name;
use crate::config::timeouts::Lifetimes;
use crate::error::{Error, Outage};
use crate::fields::Delta;
use crate::identity::id::{SessionId, fill};
use crate::store::redis::Redis;
use crate::store::redis::client::{Budget, CallError, Path, Script, ScriptAnswer};
use crate::store::redis::layout::keys::{KeyBytes, member};
use crate::store::redis::script::reply::{Code, Reply, millis, value};
use crate::store::{NewSession, OP_LIFE_MS, Op, Replicas};
use crate::util::boxed::boxed;
use crate::util::clock::Millis;

/// Limit of resends, as a new operation, of a call that was certainly not executed. A full ring lets eight new
/// operations pass for each one that it makes stale, so this suffices for hundreds of concurrent calls on one session.
const ATTEMPTS: usize = 64;

/// A script call without its operation, which [`Delivery`] adds.
pub(crate) struct ScriptCall<'a> {
    pub(crate) script: &'a Script,
    pub(crate) keys: Vec<KeyBytes>,
    args: Vec<Cow<'a, [u8]>>,
}

impl<'a> ScriptCall<'a> {
    pub(crate) const fn new(script: &'a Script, keys: Vec<KeyBytes>) -> Self {
        Self { script, keys, args: Vec::new() }
    }

    pub(crate) fn bytes(mut self, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        self.args.push(bytes.into());
        self
    }

    /// A number in decimal digits.
    pub(crate) fn number(self, number: impl fmt::Display) -> Self {
        self.bytes(number.to_string().into_bytes())
    }

    /// An empty argument, for "none".
    pub(crate) fn nothing(self) -> Self {
        self.bytes(&b""[..])
    }

    pub(crate) fn maybe(self, number: Option<impl fmt::Display>) -> Self {
        match number {
            Some(number) => self.number(number),
            None => self.nothing(),
        }
    }

    pub(crate) fn lifetimes(self, lifetimes: &Lifetimes) -> Self {
        self.number(lifetimes.idle_ms).number(lifetimes.absolute_ms).number(lifetimes.interval_ms)
    }

    /// The arguments of `lua/lib/fresh.lua`.
    pub(crate) fn fresh(self, new: &'a NewSession, tail: Vec<u8>) -> Self {
        self.bytes(&new.secret.0[..]).lifetimes(&new.lifetimes).number(new.grace_ms).bytes(tail)
    }

    /// Members of an index, preceded by their number.
    pub(crate) fn members(self, ids: &[SessionId]) -> Self {
        ids.iter().fold(self.number(ids.len()), |call, id| call.bytes(member(*id).to_vec()))
    }

    /// Names of fields; invalid names are omitted, since no field has one.
    pub(crate) fn names(self, names: &'a [String]) -> Self {
        let mut names: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| check_field_name(name).is_ok()).collect();
        names.sort_unstable();
        names.dedup();
        names.iter().fold(self.number(names.len()), |call, name| call.bytes(name.as_bytes()))
    }

    /// The arguments of `lua/lib/delta.lua`. Field names are checked here too: another form could be the metadata's
    /// name.
    pub(crate) fn delta(mut self, delta: &'a Delta) -> Result<Self, Error> {
        for (name, _) in &delta.changes {
            check_field_name(name)?;
        }
        self = self.bytes(if delta.clear { &b"1"[..] } else { b"0" }).number(delta.sets().count());
        self = delta.sets().fold(self, |call, (name, stored)| call.bytes(name.as_bytes()).bytes(stored));
        Ok(delta.removes().fold(self, |call, name| call.bytes(name.as_bytes())))
    }
}

/// One operation of the contract in delivery: its operation id, and whether an earlier attempt may still be executed.
pub(crate) struct Delivery {
    pub(crate) path: Path,
    pub(crate) budget: Budget,
    op: Op,
    unsure: bool,
    /// The last attempt failed because its keys are on two servers while their slot moves.
    split: bool,
    replicas: Option<Arc<Replicas>>,
}

impl Delivery {
    /// Waits for these replicas too.
    pub(crate) fn on(self, replicas: Option<&Arc<Replicas>>) -> Self {
        Self { replicas: replicas.cloned(), ..self }
    }

    /// A follow-up operation. Its id is derived from this one's, so that a repeat derives the same.
    pub(crate) fn next(&self) -> Self {
        let mut op = self.op;
        op.id[7] ^= 0xff;
        Self { op, replicas: self.replicas.clone(), ..*self }
    }

    /// Records a failed attempt that may have been executed.
    const fn note(&mut self, error: &Error) {
        self.unsure |= matches!(error, Error::Indeterminate(_));
    }
}

impl Delivery {
    /// The operation, if it was certainly not sent yet.
    pub(crate) fn first(&self) -> Option<Op> {
        (!self.unsure).then_some(self.op)
    }

    /// The error to return: indeterminate if an earlier attempt may have been executed.
    pub(crate) fn error(&self, error: impl Into<Error>) -> Error {
        match error.into() {
            Error::Unavailable(outage) if self.unsure => Error::Indeterminate(outage),
            error => error,
        }
    }

    pub(crate) const fn not_after(&self) -> Millis {
        self.op.not_after
    }
}

#[cfg(test)]
impl Delivery {
    /// As if a reply had been lost.
    pub(crate) fn note_lost(&mut self) {
        self.unsure = true;
    }
}

impl Redis {
    /// A call of the request path, under the caller's operation.
    pub(crate) fn delivery(&self, op: Op) -> Delivery {
        self.delivery_within(op, self.client.budget())
    }

    /// One call about this key, for work that consists of several.
    pub(crate) fn step(&self, path: Path, budget: Budget, key: &[u8]) -> Result<Delivery, Error> {
        Ok(Delivery { path, budget, op: self.new_op(key)?, unsure: false, split: false, replicas: None })
    }

    /// The same as part of an operation with several calls.
    pub(crate) const fn delivery_within(&self, op: Op, budget: Budget) -> Delivery {
        Delivery { path: Path::Request, budget, op, unsure: op.again, split: false, replicas: None }
    }

    /// A new operation, by the clock of the key's master.
    fn new_op(&self, key: &[u8]) -> Result<Op, Error> {
        let mut id = [0; 8];
        fill(&mut id)?;
        Ok(Op { id, not_after: self.client.now_at(key) + OP_LIFE_MS, again: false })
    }

    /// Sends a call until it is executed or refused. If it is refused as late or stale and was never sent twice, it
    /// becomes a new operation, whose not-after is later than the horizon if it was stale.
    pub(crate) async fn call(&self, delivery: &mut Delivery, call: &ScriptCall<'_>) -> Result<Reply, Error> {
        for _ in 0..ATTEMPTS {
            let reply = self.once(delivery, call).await?;
            if !self.renew(delivery, &call.keys[0], &reply)? {
                return Ok(reply);
            }
        }
        Err(too_late())
    }

    /// The same for a call that needs more of its operation than its id and not-after.
    pub(crate) async fn call_naming<'a>(
        &self,
        delivery: &mut Delivery,
        build: impl Fn(Op) -> Result<ScriptCall<'a>, Error>,
    ) -> Result<Reply, Error> {
        for _ in 0..ATTEMPTS {
            let call = build(delivery.op)?;
            let reply = self.once(delivery, &call).await?;
            if !self.renew(delivery, &call.keys[0], &reply)? {
                return Ok(reply);
            }
        }
        Err(too_late())
    }

    /// Makes a call that was refused as late or stale a new operation, if it may be sent again; returns whether it did.
    fn renew(&self, delivery: &mut Delivery, key: &[u8], reply: &Reply) -> Result<bool, Error> {
        let horizon = match reply.code {
            Code::Late => {
                self.client.clock_seen(key, millis(&reply.value()?)?);
                0
            }
            Code::Stale => millis(&reply.value()?)?,
            _ => return Ok(false),
        };
        if delivery.unsure {
            return Err(Error::Indeterminate(Outage::new("the reply was lost, and a repeat arrived too late")));
        }
        let op = self.new_op(key)?;
        delivery.op = Op { not_after: op.not_after.max(horizon + 1), ..op };
        Ok(true)
    }

    /// The same, but `None`, and this attempt was not executed, if its keys are on two servers while their slot moves.
    /// That may pass, so it is retried for part of the budget.
    pub(crate) async fn call_if_whole(
        &self,
        delivery: &mut Delivery,
        call: &ScriptCall<'_>,
    ) -> Result<Option<Reply>, Error> {
        if self.resharding {
            return Ok(None);
        } else if !self.sharded {
            return self.call(delivery, call).await.map(Some);
        }
        let budget = delivery.budget;
        delivery.budget = budget.quarter();
        let first = self.call(delivery, call).await;
        delivery.budget = budget;
        let answer = match first {
            Err(error) if error.is_retryable() && !delivery.split => {
                delivery.note(&error);
                self.call(delivery, call).await
            }
            answer => answer,
        };
        match answer {
            Err(error) if delivery.split => {
                delivery.note(&error);
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    /// Sends a call under exactly this operation; a refusal as late is returned too.
    pub(crate) async fn once(&self, delivery: &mut Delivery, call: &ScriptCall<'_>) -> Result<Reply, Error> {
        let sent = boxed(self.send(delivery, call)).await.map_err(|error| {
            delivery.split = error.is_split();
            delivery.error(error)
        })?;
        delivery.unsure |= sent.times > 1;
        Reply::read(sent.answer)
    }

    /// Sends a script with its own form of operation arguments, whose reply is only a code.
    pub(crate) async fn send_plain(
        &self,
        delivery: &mut Delivery,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<Code, Error> {
        let sending = self.client.script(delivery.path, &delivery.budget, script, keys, args);
        let sent = boxed(sending).await.map_err(|error| delivery.error(error))?;
        delivery.unsure |= sent.times > 1;
        Code::read(&value(&sent.answer)?)
    }

    async fn send(&self, delivery: &Delivery, call: &ScriptCall<'_>) -> Result<ScriptAnswer, CallError> {
        let not_after = delivery.op.not_after.to_string();
        let keys: Vec<&[u8]> = call.keys.iter().map(Vec::as_slice).collect();
        let mut args: Vec<&[u8]> = Vec::with_capacity(call.args.len() + 2);
        args.extend([&delivery.op.id[..], not_after.as_bytes()]);
        args.extend(call.args.iter().map(|arg| &**arg));
        let Some(replicas) = &delivery.replicas else {
            return self.client.script(delivery.path, &delivery.budget, call.script, &keys, &args).await;
        };
        let (wait, soon) = ((replicas.wanted, replicas.left()), delivery.budget.quarter());
        match self.client.script_and_wait(&soon, call.script, &keys, &args, wait).await {
            Ok((sent, have)) => {
                replicas.note(have);
                Ok(sent)
            }
            // Such as when all bulk connections are in use: an end without a wait is better than none.
            Err(error) if !error.may_be_executed() => {
                let sent = self.client.script(delivery.path, &delivery.budget, call.script, &keys, &args).await?;
                replicas.note(0);
                Ok(sent)
            }
            Err(error) => Err(error),
        }
    }
}

fn too_late() -> Error {
    Error::Unavailable(Outage::new("every attempt arrived too late"))
}
