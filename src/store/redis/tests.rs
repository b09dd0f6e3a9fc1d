//! The contract against a real, private server: each operation, each refusal, each repeat, and the layout of the keys.
#![allow(clippy::unwrap_used, reason = "tests")]

mod admit;
mod bucket;
mod create;
mod delivery;
mod doctor;
mod end;
mod end_refusals;
mod fields;
mod flags;
mod history;
mod increment;
mod join;
mod keys;
mod list;
mod load;
mod login;
mod login_cross_slot;
mod moves;
mod reauthenticate;
mod recordings;
mod repeat;
mod replicas;
mod resharding;
mod retime;
mod revoke;
mod rotate;
mod save;
mod swap;
mod touch;
mod travel;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::Cap;
use crate::config::timeouts::Lifetimes;
use crate::config::url::StoreUrl;
use crate::fields::codec::{encode_bytes, encode_counter};
use crate::identity::client::ClientInfo;
use crate::identity::csrf::CsrfDigest;
use crate::identity::id::{UserHash, fill};
use crate::identity::token::SecretHash;
use crate::store::redis::client::tests::common::server::Server;
use crate::store::redis::layout::keys::member;
use crate::store::redis::layout::meta;
use crate::store::redis::script::{reply, scripts};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// Idle half an hour, absolute four hours, touch interval a minute: a life of 31 minutes.
const SPANS: Lifetimes = Lifetimes { idle_ms: 30 * MINUTE, absolute_ms: 4 * HOUR, interval_ms: 60_000 };
const LIFE: u64 = 31 * MINUTE;
const GRACE: u64 = 5 * MINUTE;
const REMEMBER: u64 = HOUR;

/// A store in a namespace of its own, on a server that the tests share.
struct Bench {
    store: Redis,
    server: Arc<Server>,
}

fn open() -> Bench {
    open_with(Limits::default())
}

fn open_with(limits: Limits) -> Bench {
    open_on(Server::shared(), limits)
}

fn open_on(server: Arc<Server>, limits: Limits) -> Bench {
    let mut random = [0; 8];
    fill(&mut random).unwrap();
    let namespace = format!("t{:x}", u64::from_be_bytes(random));
    Bench { store: store(&server, &namespace, limits), server }
}

fn store(server: &Server, namespace: &str, limits: Limits) -> Redis {
    store_at(&server.url(), namespace, limits)
}

fn store_at(url: &str, namespace: &str, limits: Limits) -> Redis {
    store_within(Duration::from_secs(20), url, namespace, limits)
}

fn store_within(budget: Duration, url: &str, namespace: &str, limits: Limits) -> Redis {
    let StoreUrl::Redis(place) = StoreUrl::parse(url).unwrap() else { panic!("no Redis URL") };
    let pools = Pools { connections: 1, bulk_connections: 1, in_flight: 1_000, budget };
    let settings = StoreSettings { namespace: namespace.into(), limits, remember_ms: REMEMBER };
    Redis::new(settings, &place, &pools).unwrap()
}

fn secret(number: u8) -> SecretHash {
    SecretHash([number; 32])
}

fn guest() -> NewSession {
    let id = SessionId::mint(Bucket::random().unwrap()).unwrap();
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

fn needs_pttl() -> NewSession {
    NewSession { grace_ms: GRACE as u32, ..guest() }
}

fn of_user(user: &str) -> NewSession {
    let id = SessionId::mint(UserHash::of(user).bucket()).unwrap();
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

fn cleared(changes: &[&str]) -> Delta {
    Delta { clear: true, ..delta(changes) }
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

fn again(record: &Record, id: SessionId, number: u8) -> Reauthenticate {
    Reauthenticate {
        id,
        generation: record.meta.generation,
        user: record.meta.user.clone().unwrap(),
        secret: secret(number),
        lifetimes: SPANS,
        client: ClientInfo::new(),
        remember: None,
        delta: Delta::default(),
        gate: Gate { cap: Cap::default(), ticket: None },
    }
}

fn ending(record: &Record, id: SessionId) -> End {
    End { old: old(record, id), reason: EndReason::LoggedOut, successor: None, delta: Delta::default() }
}

fn followed(record: &Record, id: SessionId, keep: &[&str]) -> (End, SessionId) {
    let new = NewSession { id: SessionId::mint(id.bucket()).unwrap(), secret: secret(8), ..guest() };
    let next = new.id;
    let keep = keep.iter().map(|name| (*name).to_owned()).collect();
    (End { successor: Some((new, keep)), ..ending(record, id) }, next)
}

fn saving(id: SessionId, changes: &[&str]) -> Save {
    Save { id, generation: 1, version: None, delta: delta(changes).into(), snapshot: None }
}

fn rotating(id: SessionId, presented: u8, current: u8, new: u8) -> Rotate {
    Rotate {
        id,
        generation: 1,
        presented: secret(presented),
        current: secret(current),
        loaded: 0,
        new: secret(new),
        csrf: CsrfDigest([presented; 16]),
    }
}

impl Bench {
    fn op(&self) -> Op {
        let mut id = [0; 8];
        fill(&mut id).unwrap();
        Op { id, not_after: self.store.now() + 60_000, again: false }
    }

    /// One delivery of a script under exactly this operation: refused as late or stale, it is not sent again as a new
    /// one.
    async fn deliver(&self, script: &client::Script, op: Op, keys: &[Vec<u8>], args: &[&[u8]]) -> reply::Reply {
        let not_after = op.not_after.to_string();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let args: Vec<&[u8]> = [&op.id[..], not_after.as_bytes()].into_iter().chain(args.iter().copied()).collect();
        let budget = self.store.client.budget();
        let sent = self.store.client.script(client::Path::Request, &budget, script, &keys, &args).await.unwrap();
        reply::Reply::read(sent.answer).unwrap()
    }

    /// One delivery of a revocation of one session of ada's, for logins up to this one.
    async fn deliver_revoke(&self, op: Op, one: SessionId, staying: SessionId, latest: u64) -> reply::Reply {
        let user = UserHash::of("ada");
        let [staying, key] = [staying, one].map(|id| self.store.keys.session(id));
        let keys = [self.store.keys.deadlines(user.bucket()), staying, key, self.store.keys.index(&user)];
        let (latest, member) = (latest.to_string(), member(one));
        let args: [&[u8]; 6] = [b"4", b"3600000", latest.as_bytes(), &meta::owner("ada"), b"1", &member];
        self.deliver(&scripts::REVOKE, op, &keys, &args).await
    }

    /// One delivery of a save of `a`.
    async fn deliver_save(&self, id: SessionId, op: Op) -> reply::Code {
        let args: [&[u8]; 8] = [b"1", b"", b"9", b"99", b"0", b"1", b"a", b"\x021"];
        self.deliver(&scripts::SAVE, op, &[self.store.keys.session(id)], &args).await.code
    }

    async fn guest(&self, changes: &[&str]) -> (SessionId, Record) {
        let new = guest();
        (new.id, self.create(&new, changes).await)
    }

    async fn create(&self, new: &NewSession, changes: &[&str]) -> Record {
        self.store.create(self.op(), new, &delta(changes)).await.unwrap().unwrap()
    }

    async fn login(&self, user: &str) -> (SessionId, Record) {
        let login = login_of(user, Cap::default());
        (login.new.id, self.try_login(&login).await.unwrap())
    }

    async fn try_login(&self, login: &NewLogin) -> Result<Record, Refused> {
        self.store.login(self.op(), login).await.unwrap()
    }

    /// The number of these sessions live at one instant, whatever the index has.
    fn count(&self, ids: &[SessionId]) -> usize {
        const LIVE: &str = r"
            local live = 0
            for _, key in ipairs(KEYS) do
              local packed = redis.call('HGET', key, '@')
              live = live + (packed and string.byte(packed, 2) == 0 and 1 or 0)
            end
            return live";
        let keys: Vec<Vec<u8>> = ids.iter().map(|id| self.store.keys.session(*id)).collect();
        let mut command = ::redis::cmd("EVAL");
        command.arg(LIVE).arg(keys.len()).arg(keys).query(&mut self.server.blocking()).unwrap()
    }

    async fn login_at(&self, user: &str, cap: Cap) -> Result<SessionId, Refused> {
        let login = login_of(user, cap);
        self.try_login(&login).await.map(|_| login.new.id)
    }

    async fn load(&self, id: SessionId) -> Loaded {
        self.store.load(id).await.unwrap()
    }

    async fn live(&self, id: SessionId) -> Record {
        match self.load(id).await {
            Loaded::Live(record) => *record,
            other => panic!("not live: {other:?}"),
        }
    }

    /// What a handle holds of a live session.
    async fn snapshot(&self, id: SessionId) -> Option<Snapshot> {
        let Loaded::Live(record) = self.load(id).await else { return None };
        let (session, fields) = record.into_session(id);
        session.snapshot(Arc::new(fields))
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

    async fn end(&self, id: SessionId) {
        let end = ending(&self.live(id).await, id);
        self.store.end(self.op(), &end).await.unwrap().unwrap();
    }

    async fn save(&self, save: &Save) -> Result<u32, Refused> {
        self.save_as(self.op(), save).await
    }

    async fn save_as(&self, op: Op, save: &Save) -> Result<u32, Refused> {
        self.store.save(op, save).await.unwrap().map(|wrote| wrote.version)
    }

    async fn touch(&self, id: SessionId, seen: Millis, user: Option<&str>) -> Result<Meta, Refused> {
        let touch = Touch { id, seen, first_use: None, user: user.map(str::to_owned) };
        self.store.touch(self.op(), &touch).await.unwrap().map(|(meta, _)| meta)
    }

    async fn revoke(&self, user: &str, scope: Scope) -> Result<u64, Refused> {
        self.store.revoke(user, scope, EndReason::Revoked).await.unwrap()
    }

    async fn listed(&self, user: &str) -> Vec<SessionId> {
        self.store.list(user).await.unwrap().into_iter().map(|(id, _)| id).collect()
    }

    async fn sweep(&self, bucket: Bucket) -> (u64, u64, u64) {
        let swept = self.store.sweep(bucket).await.unwrap();
        (swept.expired, swept.forgotten, swept.rescored)
    }

    /// Redis's reply to a command on one of our keys.
    fn raw<T: ::redis::FromRedisValue>(&self, command: &str, key: &[u8], args: &[&[u8]]) -> T {
        let mut connection = self.server.blocking();
        ::redis::cmd(command).arg(key).arg(args).query(&mut connection).unwrap()
    }

    fn expiry(&self, key: &[u8]) -> i64 {
        self.raw("PEXPIRETIME", key, &[])
    }

    /// The number of members in the user's index, including dead ones.
    fn indexed(&self, user: &str) -> usize {
        self.raw("ZCARD", &self.store.keys.index(&UserHash::of(user)), &[])
    }

    /// The session's score in its bucket's deadline index.
    fn scored(&self, id: SessionId) -> Option<f64> {
        self.raw("ZSCORE", &self.store.keys.deadlines(id.bucket()), &[&id.as_bytes()[..]])
    }
}

fn same<T: std::fmt::Debug>(one: &T, other: &T) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"), "a repeat is answered as the first time");
}
