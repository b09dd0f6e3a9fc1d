//! The rules of the contract, one test each, on a clock that the test moves.

use std::time::Duration;

use super::*;
use crate::config::Cap;
use crate::config::timeouts::Lifetimes;
use crate::fields::codec::{encode_bytes, encode_counter};
use crate::identity::client::ClientInfo;
use crate::identity::id::UserHash;
use crate::identity::token::SecretHash;

mod bucket;
mod delivery;
mod join;
mod lifetime;
mod login;
mod rotate;
mod session;
mod user;

const OP: Op = Op { id: [0; 8], not_after: Millis::MAX, again: false };
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// Idle half an hour, absolute four hours, touch interval a minute: a life of 31 minutes.
const SPANS: Lifetimes = Lifetimes { idle_ms: 30 * MINUTE, absolute_ms: 4 * HOUR, interval_ms: 60_000 };
const LIFE: u64 = 31 * MINUTE;
const GRACE: u64 = 5 * MINUTE;

/// A store, its clock, and short ways to call it. Secrets are named by a number.
struct Bench {
    store: Memory,
    clock: ManualClock,
}

fn open() -> Bench {
    open_with(Limits::default())
}

fn open_with(limits: Limits) -> Bench {
    let clock = ManualClock::new();
    let settings = StoreSettings { namespace: "test".into(), limits, remember_ms: HOUR };
    Bench { store: Memory::new(settings, Some(clock.clone())), clock }
}

fn secret(number: u8) -> SecretHash {
    SecretHash([number; 32])
}

fn guest() -> NewSession {
    let id = SessionId::mint(Bucket::of_first_bits(0, 0)).expect("randomness");
    NewSession {
        id,
        secret: secret(1),
        lifetimes: SPANS,
        grace_ms: 0,
        user: None,
        client: ClientInfo::new(),
        remember: None,
    }
}

fn graced() -> NewSession {
    NewSession { grace_ms: GRACE as u32, ..guest() }
}

fn of_user(user: &str) -> NewSession {
    let id = SessionId::mint(UserHash::of(user).bucket()).expect("randomness");
    NewSession { id, user: Some(user.into()), ..guest() }
}

/// A delta: `name=bytes` sets a field, `name` alone removes it.
fn delta(changes: &[&str]) -> Delta {
    let change = |text: &&str| match text.split_once('=') {
        Some((name, bytes)) => (name.to_owned(), Some(encode_bytes(bytes.as_bytes()))),
        None => ((*text).to_owned(), None),
    };
    Delta { clear: false, changes: changes.iter().map(change).collect() }
}

fn names(record: &Record) -> Vec<&str> {
    record.fields.iter().map(|(name, _)| name).collect()
}

/// The stored value of the field with this name.
fn stored_at(record: &Record, at: usize) -> Vec<u8> {
    record.fields.iter().nth(at).expect("so many fields").1.to_vec()
}

fn old(record: &Record, id: SessionId) -> Old {
    Old { id, generation: record.meta.generation, user: record.meta.user.clone() }
}

fn login_of(user: &str, cap: Cap) -> NewLogin {
    let gate = Gate { cap, ticket: None };
    NewLogin { new: of_user(user), old: None, seen: None, keep: vec![], delta: Delta::default(), gate, door_ms: 0 }
}

impl Bench {
    fn advance(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    async fn create(&self, new: &NewSession, changes: &[&str]) -> Record {
        self.store.create(OP, new, &delta(changes)).await.expect("no outage").expect("created")
    }

    async fn guest(&self, changes: &[&str]) -> (SessionId, Record) {
        let new = guest();
        (new.id, self.create(&new, changes).await)
    }

    async fn try_login(&self, login: &NewLogin) -> Result<Record, Refused> {
        self.store.login(OP, login).await.expect("no outage")
    }

    async fn login(&self, user: &str) -> (SessionId, Record) {
        let login = login_of(user, Cap::default());
        (login.new.id, self.try_login(&login).await.expect("logged in"))
    }

    async fn load(&self, id: SessionId) -> Loaded {
        self.store.load(id).await.expect("no outage")
    }

    async fn live(&self, id: SessionId) -> Record {
        match self.load(id).await {
            Loaded::Live(record) => *record,
            other => panic!("not live: {other:?}"),
        }
    }

    async fn is_live(&self, id: SessionId) -> bool {
        matches!(self.load(id).await, Loaded::Live(_))
    }

    /// Why the session ended, if there is a tombstone.
    async fn reason(&self, id: SessionId) -> Option<EndReason> {
        match self.load(id).await {
            Loaded::Ended(tombstone) => Some(tombstone.reason),
            _ => None,
        }
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<Option<Record>, Refused> {
        let old = old(&self.live(id).await, id);
        let end = End { old, reason, successor: None, delta: Delta::default() };
        self.store.end(OP, &end).await.expect("no outage")
    }

    async fn save(&self, save: &Save) -> Result<u32, Refused> {
        self.store.save(OP, save).await.expect("no outage").map(|wrote| wrote.version)
    }

    async fn touch(&self, touch: &Touch) -> Result<Meta, Refused> {
        self.store.touch(OP, touch).await.expect("no outage").map(|(meta, _)| meta)
    }

    async fn retime(&self, id: SessionId, lifetimes: Lifetimes) -> Result<Meta, Refused> {
        let retime = Retime { id, generation: 1, lifetimes, user: None };
        self.store.retime(OP, &retime).await.expect("no outage").map(|(meta, _)| meta)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Meta, Refused> {
        self.store.rotate(OP, rotate).await.expect("no outage").map(|(meta, _)| meta)
    }

    async fn revoke(&self, user: &str, scope: Scope) -> Result<u64, Refused> {
        self.store.revoke(user, scope, EndReason::Revoked).await.expect("no outage")
    }

    async fn ticket(&self, user: &str) -> Ticket {
        self.store.ticket(user).await.expect("no outage")
    }

    async fn listed(&self, user: &str) -> Vec<SessionId> {
        self.store.list(user).await.expect("no outage").into_iter().map(|(id, _)| id).collect()
    }

    async fn sweep(&self, id: SessionId) -> (u64, u64, u64) {
        let swept = self.store.sweep(id.bucket()).await.expect("no outage");
        (swept.expired, swept.forgotten, swept.rescored)
    }
}
