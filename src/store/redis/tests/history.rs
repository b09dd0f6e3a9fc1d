//! Random histories have the same results on both stores, and leave Redis consistent after each step.
//!
//! Time passes in steps of 7 seconds, which no timeout here is a multiple of: so the milliseconds that a call to Redis
//! takes never decide a result.

use std::collections::HashMap;

use super::*;
use crate::store::memory::Memory;
use crate::util::clock::ManualClock;

const STEP: u64 = 7_000;
const USERS: [&str; 2] = ["ada", "bob"];
const FIELDS: [&str; 4] = ["a", "b", "c", "n"];
const SHORT: Lifetimes = Lifetimes { idle_ms: 5_000, absolute_ms: HOUR, interval_ms: 1_000 };
const LONG: Lifetimes = Lifetimes { idle_ms: 50 * MINUTE, absolute_ms: 10 * MINUTE * 10, interval_ms: 60_000 };
const OVER: Lifetimes = Lifetimes { idle_ms: 30 * MINUTE, absolute_ms: 10 * MINUTE, interval_ms: 60_000 };

/// Metadata without what differs between two clocks: instants become ages in steps.
fn shape(meta: &Meta, now: Millis) -> String {
    let age = |at: Millis| (now + STEP / 2).saturating_sub(at) / STEP;
    let former = |former: &FormerCsrf| (former.digest.0[0], age(former.at));
    let rotation = meta.rotation.as_ref().map(|rotation| {
        let former: Vec<_> = rotation.former.iter().map(former).collect();
        (rotation.previous.0[0], rotation.used.map(age), former)
    });
    let ages = [meta.created, meta.since, meta.touched].map(age);
    let Meta { lifetimes, grace_ms, generation, version, secret, uses, user, .. } = meta;
    format!("{ages:?} {lifetimes:?} {grace_ms} {generation} {version} {} {uses} {rotation:?} {user:?}", secret.0[0])
}

fn shape_of(record: &Record, now: Millis) -> String {
    format!("{} {:?}", shape(&record.meta, now), record.fields)
}

/// Calls both stores and compares their results.
macro_rules! both {
    ($history:ident, $store:ident => $call:expr, $show:expr) => {{
        let (one, other) = (
            {
                let $store = &$history.bench.store;
                let answer = $call;
                $show(answer, $store.now())
            },
            {
                let $store = &$history.memory;
                let answer = $call;
                $show(answer, $store.now())
            },
        );
        assert_eq!(one, other, "Redis and the embedded store, seed {} step {}", $history.seed, $history.step);
        one
    }};
}

struct History {
    seed: u64,
    step: u32,
    random: fastrand::Rng,
    bench: Bench,
    memory: Memory,
    clock: ManualClock,
    /// Sessions that were tried, with their users.
    ids: Vec<(SessionId, Option<&'static str>)>,
    tickets: Vec<(String, Ticket, Ticket)>,
    /// The last seen state of a session.
    seen: HashMap<SessionId, Snapshot>,
}

impl History {
    fn new(seed: u64) -> Self {
        let limits = Limits::default().fields(3).session_bytes(40);
        let bench = open_with(limits);
        let clock = ManualClock::new();
        let settings = bench.store.settings.clone();
        let memory = Memory::new(settings, Some(clock.clone()));
        let random = fastrand::Rng::with_seed(seed);
        let (ids, tickets, seen) = (Vec::new(), Vec::new(), HashMap::new());
        Self { seed, step: 0, random, bench, memory, clock, ids, tickets, seen }
    }

    fn new_session(&mut self, user: Option<&'static str>) -> NewSession {
        // guests and users share buckets, so that bucket walks find both
        let bucket = UserHash::of(user.unwrap_or(USERS[0])).bucket();
        let id = self.mint(bucket);
        self.ids.push((id, user));
        if self.ids.len() > 7 {
            self.ids.remove(0);
        }
        NewSession {
            id,
            secret: secret(self.random.u8(1..4)),
            lifetimes: *self.random.choice(&[SPANS, SPANS, SHORT, LONG]).unwrap(),
            grace_ms: *self.random.choice(&[0, GRACE as u32]).unwrap(),
            user: user.map(str::to_owned),
            client: ClientInfo::new(),
            remember: None,
        }
    }

    /// An id whose tombstone expires as far from the end of a step as everything else.
    fn mint(&self, bucket: Bucket) -> SessionId {
        let ids = std::iter::repeat_with(|| SessionId::mint(bucket).unwrap());
        let mut clear = ids.filter(|id| (2_000..5_000).contains(&(self.bench.store.settings.tombstone_ms(*id) % STEP)));
        clear.next().unwrap()
    }

    fn any(&mut self) -> (SessionId, Option<&'static str>) {
        match self.random.choice(&self.ids) {
            Some(one) if self.random.u8(..) > 10 => *one,
            _ => (guest().id, None),
        }
    }

    fn delta(&mut self) -> Delta {
        let mut delta = Delta { clear: self.random.u8(..) < 30, changes: Vec::new() };
        for field in FIELDS {
            match self.random.u8(..4) {
                0 => delta.changes.push((field.into(), None)),
                1 => delta.changes.push((field.into(), Some(encode_bytes(&vec![b'x'; self.random.usize(0..14)])))),
                _ => {}
            }
        }
        delta
    }

    /// Mostly right.
    fn generation(&mut self) -> u32 {
        *self.random.choice(&[1, 1, 1, 1, 2, 2, 3]).unwrap()
    }

    fn keep(&mut self) -> Vec<String> {
        FIELDS[self.random.usize(..4)..].iter().map(|name| (*name).to_owned()).collect()
    }

    fn cap(&mut self) -> Cap {
        let most = self.random.u16(1..4);
        if self.random.bool() { Cap::evict(most) } else { Cap::reject(most) }
    }

    fn lifetimes(&mut self) -> Lifetimes {
        *self.random.choice(&[SPANS, SPANS, SHORT, LONG, OVER]).unwrap()
    }

    fn op(&self) -> Op {
        self.bench.op()
    }

    async fn run(&mut self, steps: u32) {
        for step in 0..steps {
            self.step = step;
            self.one().await;
            self.check().await;
        }
    }

    async fn one(&mut self) {
        match self.random.u8(..20) {
            0..3 => self.create().await,
            3..5 => self.save().await,
            5 => self.increment().await,
            6 => self.rotate().await,
            7..9 => self.touch().await,
            9 => self.retime().await,
            10..14 => self.login().await,
            14 => self.reauthenticate().await,
            15 if self.random.bool() => self.end().await,
            15 => self.undelivered().await,
            16 => self.user().await,
            17 => self.bucket().await,
            18 => self.lead().await,
            _ => self.pass(),
        }
    }

    async fn create(&mut self) {
        let new = self.new_session(None);
        let delta = Delta { clear: false, ..self.delta() };
        let op = self.op();
        let show = |answer: StoreResult<Record>, now| answer.unwrap().map(|record| shape_of(&record, now));
        both!(self, store => store.create(op, &new, &delta).await, show).ok();
    }

    async fn save(&mut self) {
        let version = self.random.bool().then(|| self.random.u32(1..4));
        let (id, generation, delta) = (self.any().0, self.generation(), self.delta());
        let save = Save { id, generation, version, delta: delta.into(), snapshot: self.snapshot(id).await };
        let op = self.op();
        let show = |answer: StoreResult<Wrote>, _| answer.unwrap().map(|wrote| wrote.version);
        both!(self, store => store.save(op, &save).await, show).ok();
    }

    async fn increment(&mut self) {
        let by = *self.random.choice(&[1, -1, 1_000_000, i64::MAX]).unwrap();
        let field = if self.random.u8(..) < 200 { "n" } else { "a" };
        let (id, generation) = (self.any().0, self.generation());
        let increment = Increment { id, generation, field: field.into(), by, snapshot: self.snapshot(id).await };
        let op = self.op();
        let show = |answer: StoreResult<(i64, Wrote)>, _| answer.unwrap().map(|(value, wrote)| (value, wrote.version));
        both!(self, store => store.increment(op, &increment).await, show).ok();
    }

    /// What a caller may have seen in Redis: nothing, the current state, or that of an earlier step.
    async fn snapshot(&mut self, id: SessionId) -> Option<Snapshot> {
        match self.random.u8(..3) {
            0 => None,
            1 => self.seen.get(&id).cloned(),
            _ => {
                let snapshot = self.bench.snapshot(id).await?;
                self.seen.insert(id, snapshot.clone());
                Some(snapshot)
            }
        }
    }

    async fn rotate(&mut self) {
        let [presented, current, new] = [0; 3].map(|_| secret(self.random.u8(1..4)));
        let (id, generation) = (self.any().0, self.generation());
        let csrf = CsrfDigest([self.random.u8(1..8); 16]);
        let ago = self.random.u64(..3) * 60 * STEP;
        let op = self.op();
        let show = |answer: StoreResult<(Meta, _)>, now| answer.unwrap().map(|(meta, _)| shape(&meta, now));
        both!(self, store => {
            let loaded = store.now() - ago;
            store.rotate(op, &Rotate { id, generation, presented, current, loaded, new, csrf }).await
        }, show)
        .ok();
    }

    async fn touch(&mut self) {
        let (id, user) = self.any();
        let (first_use, stale) = (self.random.bool().then(|| secret(self.random.u8(1..4))), self.random.bool());
        let op = self.op();
        let show = |answer: StoreResult<(Meta, _)>, now| answer.unwrap().map(|(meta, _)| shape(&meta, now));
        both!(self, store => {
            let seen = match store.load(id).await.unwrap() {
                Loaded::Live(record) => record.meta.touched - u64::from(stale),
                _ => 0,
            };
            store.touch(op, &Touch { id, seen, first_use, user: user.map(str::to_owned) }).await
        }, show)
        .ok();
    }

    async fn retime(&mut self) {
        let (id, user) = self.any();
        let retime =
            Retime { id, generation: self.generation(), lifetimes: self.lifetimes(), user: user.map(str::to_owned) };
        let op = self.op();
        let show = |answer: StoreResult<(Meta, _)>, now| answer.unwrap().map(|(meta, _)| shape(&meta, now));
        both!(self, store => store.retime(op, &retime).await, show).ok();
    }

    /// A ticket of each store, taken now or earlier.
    async fn ticket(&mut self, user: &str) -> Option<(Ticket, Ticket)> {
        if self.random.bool() {
            return None;
        }
        if self.random.bool() {
            let redis = self.bench.store.ticket(user).await.unwrap();
            let memory = self.memory.ticket(user).await.unwrap();
            assert_eq!(redis.epoch.is_some(), memory.epoch.is_some());
            self.tickets.push((user.to_owned(), redis, memory));
        }
        let own = self.tickets.iter().rfind(|(whose, ..)| whose == user);
        own.map(|(_, redis, memory)| (*redis, *memory))
    }

    async fn login(&mut self) {
        let user = *self.random.choice(&USERS).unwrap();
        let old = self.random.bool().then(|| self.any()).map(|(id, user)| Old {
            id,
            generation: 1,
            user: user.map(str::to_owned),
        });
        let tickets = self.ticket(user).await;
        let gate = Gate { cap: self.cap(), ticket: None };
        let seen = match &old {
            Some(old) if self.random.bool() => self.bench.snapshot(old.id).await,
            _ => None,
        };
        let door_ms = u64::from(self.random.bool());
        let login = NewLogin {
            new: self.new_session(Some(user)),
            old,
            seen,
            keep: self.keep(),
            delta: self.delta(),
            gate,
            door_ms,
        };
        let (redis, memory) = (tickets.map(|pair| pair.0), tickets.map(|pair| pair.1));
        let op = self.op();
        let answers = [
            self.bench.store.login(op, &NewLogin { gate: Gate { ticket: redis, ..gate }, ..login.clone() }).await,
            self.memory.login(op, &NewLogin { gate: Gate { ticket: memory, ..gate }, ..login.clone() }).await,
        ];
        self.same_records(answers);
    }

    /// Mostly of a door, from its current target.
    async fn lead(&mut self) {
        let (door, _) = self.any();
        let from = match self.memory.load(door).await.unwrap() {
            Loaded::Ended(Tombstone { successor: Some(id), .. }) if self.random.u8(..) > 50 => id,
            _ => self.any().0,
        };
        let lead = Lead { door, from, to: self.any().0, stay_ms: 1 };
        let op = self.op();
        both!(self, store => store.lead(op, &lead).await, |answer: StoreResult<()>, _| answer.unwrap()).ok();
    }

    async fn reauthenticate(&mut self) {
        let (id, user) = self.any();
        let user = user.unwrap_or(USERS[0]);
        let tickets = self.ticket(user).await;
        let gate = Gate { cap: self.cap(), ticket: None };
        let again = Reauthenticate {
            id,
            generation: self.generation(),
            user: user.into(),
            secret: secret(self.random.u8(1..4)),
            lifetimes: self.lifetimes(),
            client: ClientInfo::new(),
            remember: None,
            delta: self.delta(),
            gate,
        };
        let (redis, memory) = (tickets.map(|pair| pair.0), tickets.map(|pair| pair.1));
        let with = |ticket| Reauthenticate { gate: Gate { ticket, ..gate }, ..again.clone() };
        let op = self.op();
        let answers = [
            self.bench.store.reauthenticate(op, &with(redis)).await,
            self.memory.reauthenticate(op, &with(memory)).await,
        ];
        self.same_records(answers);
    }

    fn same_records(&self, [redis, memory]: [StoreResult<Record>; 2]) {
        let redis = redis.unwrap().map(|record| shape_of(&record, self.bench.store.now()));
        let memory = memory.unwrap().map(|record| shape_of(&record, self.memory.now()));
        assert_eq!(redis, memory, "Redis and the embedded store, seed {} step {}", self.seed, self.step);
    }

    async fn end(&mut self) {
        let (id, user) = self.any();
        let old = Old { id, generation: self.generation(), user: user.map(str::to_owned) };
        let successor = self.random.bool().then(|| (self.new_session(None), self.keep()));
        let successor = successor.map(|(new, keep)| {
            let id = self.mint(id.bucket());
            (NewSession { id, ..new }, keep)
        });
        self.ids.extend(successor.iter().map(|(new, _)| (new.id, None)));
        let end = End { old, reason: EndReason::LoggedOut, successor, delta: self.delta() };
        let op = self.op();
        let show = |answer: StoreResult<Option<Record>>, now| {
            answer.unwrap().map(|next| next.map(|record| shape_of(&record, now)))
        };
        both!(self, store => store.end(op, &end).await, show).ok();
    }

    async fn undelivered(&mut self) {
        let ((id, user), secret) = (self.any(), secret(self.random.u8(1..4)));
        let (op, uses) = (self.op(), self.random.u32(..2));
        let undelivered = Undelivered { id, user: user.map(str::to_owned), secret, uses };
        both!(self, store => store.end_undelivered(op, &undelivered).await, |answer: StoreResult<bool>, _| answer.unwrap())
            .ok();
    }

    async fn user(&mut self) {
        let user = *self.random.choice(&USERS).unwrap();
        let (id, _) = self.any();
        let scope = *self.random.choice(&[Scope::One(id), Scope::Others(id), Scope::All]).unwrap();
        both!(self, store => store.revoke(user, scope, EndReason::Revoked).await, |answer: StoreResult<u64>, _| answer.unwrap())
            .ok();
    }

    async fn bucket(&mut self) {
        let bucket = UserHash::of(self.random.choice(&USERS).unwrap()).bucket();
        let ago = self.random.u64(..200) * STEP + STEP / 2;
        let show = |answer: Result<u64, Error>, _| answer.unwrap();
        both!(self, store => store.active(bucket, store.now() - ago).await, show);
        match self.random.u8(..8) {
            0 => both!(self, store => store.revoke_bucket(bucket, Who::Everyone).await, show),
            1 => both!(self, store => store.revoke_bucket(bucket, Who::Guests).await, show),
            _ => {
                let swept =
                    both!(self, store => store.sweep(bucket).await, |answer: Result<Swept, Error>, _| answer.unwrap());
                swept.expired
            }
        };
    }

    /// Moves the stored data back, and the tickets with it.
    fn pass(&mut self) {
        let steps = *self.random.choice(&[1, 2, 9, 9, 9, 45, 90, 150, 270, 520]).unwrap();
        self.bench.advance(steps * STEP);
        self.clock.advance(Duration::from_millis(steps * STEP));
        for (_, redis, _) in &mut self.tickets {
            redis.taken -= steps * STEP;
            redis.epoch = redis.epoch.map(|epoch| epoch - steps * STEP);
        }
    }

    /// Every session and every list is the same in both, and in Redis an index has every live session and outlives it.
    async fn check(&mut self) {
        let ids: Vec<SessionId> = self.ids.iter().map(|(id, _)| *id).collect();
        for id in ids {
            let show = |answer: Result<Loaded, Error>, now| match answer.unwrap() {
                Loaded::Live(record) => shape_of(&record, now),
                other => format!("{other:?}"),
            };
            both!(self, store => store.load(id).await, show);
            if let Loaded::Live(record) = self.bench.load(id).await {
                self.check_indexed(id, &record.meta);
            }
        }
        for user in USERS {
            let show = |answer: Result<Vec<(SessionId, Meta)>, Error>, _| {
                answer.unwrap().into_iter().map(|(id, _)| id).collect::<Vec<_>>()
            };
            both!(self, store => store.list(user).await, show);
        }
    }

    fn check_indexed(&self, id: SessionId, meta: &Meta) {
        let at = format!("seed {} step {}", self.seed, self.step);
        let scored = self.bench.scored(id);
        assert!(scored.is_some_and(|score| score as u64 <= meta.deadline()), "{at}: {scored:?} {meta:?}");
        let Some(user) = &meta.user else { return };
        let index = self.bench.store.keys.index(&UserHash::of(user));
        let login: Option<f64> = self.bench.raw("ZSCORE", &index, &[&member(id)]);
        assert_eq!(login, Some(meta.since as f64), "{at}");
        assert!(self.bench.expiry(&index) as u64 >= meta.deadline(), "{at}");
    }
}

#[tokio::test]
async fn random_histories_have_the_same_results_on_both_stores() {
    let first = std::env::var("CLOAKROOM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = first.map_or(0..4, |seed| seed..seed + 1);
    for seed in seeds {
        History::new(seed).run(250).await;
    }
}
