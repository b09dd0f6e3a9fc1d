//! The fields of a new session in its hash's layout, as `lua/lib/fields.lua` would store them.

use crate::config::limits::{Limits, check_field_name};
use crate::error::Error;
use crate::fields::Delta;
use crate::fields::map::Contents;
use crate::store::NewLogin;
use crate::store::redis::layout::fields::{TOGETHER, is_small, pack};
use crate::store::redis::script::call::ScriptCall;
use crate::store::redis::script::reply::Code;

/// Sorted by name.
pub(crate) struct NewFields<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> NewFields<'a> {
    /// The fields that a delta sets. Names are checked, since another form could be the metadata's name.
    pub(crate) fn of(delta: &'a Delta) -> Result<Self, Error> {
        for (name, _) in &delta.changes {
            check_field_name(name)?;
        }
        Ok(Self(delta.sets().collect()))
    }

    /// The fields that a login carries over: the named ones, with the pending changes applied, as in
    /// `lua/lib/carry.lua`.
    pub(crate) fn carried(login: &'a NewLogin, stored: Option<&'a Contents>) -> Self {
        let NewLogin { keep, delta, .. } = login;
        let mut names: Vec<&str> =
            keep.iter().map(String::as_str).filter(|name| check_field_name(name).is_ok()).collect();
        names.sort_unstable();
        names.dedup();
        let value = |name: &str| match delta.changes.iter().find(|(changed, _)| changed == name) {
            Some((_, change)) => change.as_deref(),
            None if delta.clear => None,
            None => stored.and_then(|stored| stored.get(name)),
        };
        Self(names.into_iter().filter_map(|name| Some((name, value(name)?))).collect())
    }

    /// Their bytes, names included.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|(name, stored)| name.len() + stored.len()).sum()
    }

    /// The limit that they exceed: `excess` of `lua/lib/limits.lua`.
    pub(crate) fn excess(&self, limits: &Limits) -> Option<Code> {
        let too_many = (self.0.len() > limits.fields).then_some(Code::TooManyFields);
        too_many.or((self.bytes() > limits.session_bytes).then_some(Code::TooManyBytes))
    }

    /// Names and values of the hash.
    pub(crate) fn lay_out(&self, call: ScriptCall<'a>) -> ScriptCall<'a> {
        let call = self.apart().fold(call, |call, (name, stored)| call.bytes(name.as_bytes()).bytes(*stored));
        let small = self.0.iter().filter(|(_, stored)| is_small(stored));
        let small: Vec<_> = small.map(|(name, stored)| (name.as_bytes(), *stored)).collect();
        if small.is_empty() {
            return call;
        }
        let most_bytes = self.bytes() + 3 * small.len();
        call.bytes(TOGETHER.as_bytes()).bytes(pack(small.into_iter(), most_bytes))
    }

    /// The number of hash fields for them.
    pub(crate) fn laid_out(&self) -> usize {
        let apart = self.apart().count();
        apart + usize::from(apart < self.0.len())
    }

    fn apart(&self) -> impl Iterator<Item = &(&'a str, &'a [u8])> {
        self.0.iter().filter(|(_, stored)| !is_small(stored))
    }

    pub(crate) fn to_contents(&self) -> Contents {
        self.0.iter().copied().collect()
    }
}
