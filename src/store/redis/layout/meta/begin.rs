//! The metadata of a new session, as `lua/lib/fresh.lua` and `lua/lib/meta.lua` would write it.

use super::tail;
use crate::store::redis::layout::constants::{FARTHEST_MS, FORMAT, offset};
use crate::store::redis::layout::meta::write::six_bytes;
use crate::store::redis::script::reply::Code;
use crate::store::{NewSession, Op};
use crate::util::clock::Millis;

const TIMES: usize = offset("created");
const LIFETIMES: usize = offset("idle");
const INDEX_UNTIL: usize = offset("index_until");
const HORIZON: usize = offset("horizon");
const SECRET: usize = offset("secret");

/// A new session's metadata without its times, which only the server knows.
pub(crate) struct Begun(Vec<u8>);

impl Begun {
    /// For the session that this operation creates, with fields of this size; no user means a guest.
    pub(crate) fn new(op: Op, new: &NewSession, user: Option<&str>, size: u32) -> Self {
        let mut packed = vec![0; LIFETIMES];
        packed[0] = FORMAT;
        packed.extend_from_slice(&six_bytes(new.lifetimes.idle_ms));
        packed.extend_from_slice(&six_bytes(new.lifetimes.absolute_ms));
        for number in [new.lifetimes.interval_ms, new.grace_ms, keep_ms(new), 1, 1, size] {
            packed.extend_from_slice(&number.to_be_bytes());
        }
        packed.resize(SECRET, 0);
        packed.extend_from_slice(&new.secret.0);
        packed.extend_from_slice(&[0, 0, 0, 0, 1]);
        packed.extend_from_slice(&op.id);
        packed.extend_from_slice(&six_bytes(op.not_after));
        packed.extend_from_slice(&[1, Code::Ok as u8]);
        packed.extend_from_slice(&tail(user, &new.client, new.remember));
        Self(packed)
    }

    /// The parts before and after the times.
    pub(crate) fn around_times(&self) -> [&[u8]; 2] {
        [&self.0[..TIMES], &self.0[LIFETIMES..]]
    }

    /// The parts before the times, between them and the index time, and after that.
    pub(crate) fn around_all(&self) -> [&[u8]; 3] {
        [&self.0[..TIMES], &self.0[LIFETIMES..INDEX_UNTIL], &self.0[HORIZON..]]
    }

    /// The whole metadata for a session created at this time.
    pub(crate) fn at(mut self, now: Millis, index_until: Millis) -> Vec<u8> {
        for at in (TIMES..LIFETIMES).step_by(6) {
            self.0[at..at + 6].copy_from_slice(&six_bytes(now));
        }
        self.0[INDEX_UNTIL..HORIZON].copy_from_slice(&six_bytes(index_until));
        self.0
    }
}

/// How long the key is kept after deadline and grace: `stay_ms` of `lua/lib/life.lua`.
fn keep_ms(new: &NewSession) -> u32 {
    FARTHEST_MS.saturating_sub(new.lifetimes.life_ms(0, 0) + u64::from(new.grace_ms)) as u32
}

/// How long a new session's key is kept after its first deadline.
pub(crate) fn stay_ms(new: &NewSession) -> u64 {
    u64::from(new.grace_ms) + u64::from(keep_ms(new))
}
