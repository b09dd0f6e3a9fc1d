//! An admission does what `login` would have done, or nothing.

use std::collections::BTreeMap;

use super::*;
use crate::config::timeouts::NO_END_MS;
use crate::store::redis::ops::admit::{Admitted, admit};

/// Content and expiry of every key, by its name within the namespace.
type Dump = BTreeMap<String, (Vec<(Vec<u8>, Vec<u8>)>, i64)>;

impl Bench {
    fn names(&self) -> Vec<String> {
        let namespace = &self.store.settings.namespace;
        self.all_keys().iter().map(|key| key.strip_prefix(namespace).unwrap().to_owned()).collect()
    }

    fn dump(&self) -> Dump {
        let held = |name: &String| {
            let key = format!("{}{name}", self.store.settings.namespace).into_bytes();
            let content: BTreeMap<Vec<u8>, Vec<u8>> = match name.split(':').nth(2) {
                Some("s") => self.raw("HGETALL", &key, &[]),
                Some("r") => [(vec![], self.raw("GET", &key, &[]))].into(),
                _ => self.raw("ZRANGE", &key, &[b"0", b"-1", b"WITHSCORES"]),
            };
            (content.into_iter().collect(), self.expiry(&key))
        };
        self.names().into_iter().map(|name| (name.clone(), held(&name))).collect()
    }

    /// Copies the content of the other store exactly.
    fn mirror(&self, other: &Self) {
        for key in self.all_keys() {
            let _: u32 = self.raw("UNLINK", key.as_bytes(), &[]);
        }
        for name in other.names() {
            let [from, to] = [other, self].map(|bench| format!("{}{name}", bench.store.settings.namespace));
            let _: bool = self.raw("COPY", from.as_bytes(), &[to.as_bytes()]);
        }
    }

    async fn admit(&self, op: Op, login: &NewLogin) -> Admitted {
        let user = UserHash::of(login.new.user.as_deref().unwrap());
        admit(&self.store, &mut self.store.delivery(op), login, &user).await.unwrap()
    }

    /// Whether it is left to the classic script, and nothing was done.
    async fn refuses(&self, login: &NewLogin) -> bool {
        self.refuses_as(self.op(), login).await
    }

    async fn refuses_as(&self, op: Op, login: &NewLogin) -> bool {
        let before = self.dump();
        let refused = !matches!(self.admit(op, login).await, Admitted::In(_));
        refused && self.dump() == before
    }

    /// A login over a new guest.
    async fn over_guest(&self, new: &NewSession, fields: &[&str]) -> NewLogin {
        let record = self.create(new, fields).await;
        let seen = self.snapshot(new.id).await;
        NewLogin { old: Some(old(&record, new.id)), seen, ..login_of("ada", Cap::default()) }
    }
}

/// The same random logins by both scripts, each from the same state.
struct Pair {
    base: Bench,
    classic: Bench,
    quick: Bench,
    random: fastrand::Rng,
    admitted: u32,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let [base, classic, quick] = [0; 3].map(|_| open_with(Limits::default().fields(3).session_bytes(5000)));
        Self { base, classic, quick, random: fastrand::Rng::with_seed(seed), admitted: 0 }
    }

    fn choice<T: Copy>(&mut self, from: &[T]) -> T {
        *self.random.choice(from).unwrap()
    }

    fn lifetimes(&mut self) -> Lifetimes {
        let absolute_ms = self.choice(&[1_000, 12 * HOUR, 48 * HOUR, NO_END_MS]);
        Lifetimes { absolute_ms, idle_ms: self.choice(&[50_000, HOUR]), interval_ms: 60_000 }
    }

    fn delta(&mut self) -> Delta {
        let mut delta = Delta { clear: self.random.u8(..) < 30, changes: Vec::new() };
        for field in ["a", "b", "n"] {
            let value = match self.random.u8(..6) {
                0 => Some(encode_bytes(&vec![b'x'; self.choice(&[0, 12, 1024, 4000])])),
                1 => Some(encode_counter(self.random.i64(..))),
                2 => None,
                _ => continue,
            };
            delta.changes.push((field.into(), value));
        }
        delta
    }

    fn new_session(&mut self, user: Option<&str>) -> NewSession {
        let new = user.map_or_else(guest, of_user);
        let client = ClientInfo::new().user_agent("curl/8");
        NewSession { lifetimes: self.lifetimes(), grace_ms: self.choice(&[0, 0, GRACE as u32]), client, ..new }
    }

    /// A guest as a caller has seen it, perhaps changed since.
    async fn guest(&mut self, login: &mut NewLogin) {
        let new = self.new_session(None);
        let delta = self.delta();
        let record = self.base.store.create(self.base.op(), &new, &delta).await.unwrap();
        let Ok(record) = record else { return };
        for _ in 0..self.random.usize(..10) {
            let _ = self.base.save(&saving(new.id, &["a=1"])).await;
        }
        login.seen = self.base.snapshot(new.id).await;
        login.old = Some(Old { generation: self.choice(&[1, 1, 1, 2]), ..old(&record, new.id) });
        if self.random.u8(..) < 30 {
            let _ = self.base.store.rotate(self.base.op(), &rotating(new.id, 1, 1, 2)).await.unwrap();
        }
    }

    async fn login(&mut self) -> NewLogin {
        let user = self.choice(&["ada", "bob", "cyd"]);
        let cap = self.choice(&[Cap::evict(1), Cap::reject(2), Cap::evict(4), Cap::default(), Cap::default()]);
        let mut login = NewLogin { new: self.new_session(Some(user)), delta: self.delta(), ..login_of(user, cap) };
        login.keep =
            self.choice(&[&["a", "n"][..], &["a", "b", "n", "@"], &[]]).iter().map(|&name| name.into()).collect();
        if self.random.bool() {
            self.guest(&mut login).await;
        }
        match self.random.u8(..20) {
            0 => drop(self.base.revoke(user, Scope::All).await),
            1 => login.gate.ticket = Some(Ticket { epoch: None, taken: 0 }),
            2..5 => login.gate.ticket = Some(self.base.store.ticket(user).await.unwrap()),
            _ => {}
        }
        login
    }

    /// Both store and return the same, if both run in the same millisecond: retried until they do, for 30 s, because on a
    /// busy machine that may be rare.
    async fn step(&mut self) {
        let login = self.login().await;
        let mut differ = true;
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_secs(30) {
            let op = self.base.op();
            self.classic.mirror(&self.base);
            self.quick.mirror(&self.base);
            let quick = self.quick.admit(op, &login).await;
            // Too late for the horizon if our estimate of the clock has just been set back.
            let Ok(classic) = self.classic.store.login(Op { again: true, ..op }, &login).await else { continue };
            let Admitted::In(quick) = quick else {
                assert!(self.quick.dump() == self.base.dump(), "nothing was done");
                differ = false;
                break;
            };
            let dumps = [&self.quick, &self.classic].map(Bench::dump);
            // A guest of one second may expire between the two.
            let Ok(classic) = classic else { continue };
            differ = dumps[0] != dumps[1] || *quick != classic;
            if !differ {
                self.admitted += 1;
                break;
            }
        }
        assert!(!differ, "{login:?}");
        self.base.mirror(&self.classic);
    }
}

#[tokio::test]
async fn an_admission_stores_and_returns_what_the_classic_script_would() {
    let mut admitted = 0;
    for seed in 0..8 {
        let mut pair = Pair::new(seed);
        for _ in 0..12 {
            pair.step().await;
        }
        admitted += pair.admitted;
    }
    assert!(admitted > 25, "what is not refused or at the cap is admitted: {admitted}");
}

#[tokio::test]
async fn a_guest_written_since_the_load_is_left_to_the_classic_script() {
    let bench = open();
    let login = NewLogin { keep: vec!["a".into()], ..bench.over_guest(&guest(), &["a=1"]).await };
    bench.save(&saving(login.old.as_ref().unwrap().id, &["a=2"])).await.unwrap();
    assert!(bench.refuses(&login).await);
    let record = bench.try_login(&login).await.unwrap();
    assert_eq!(record.fields.get("a"), Some(&encode_bytes(b"2")[..]));
}

#[tokio::test]
async fn an_admission_past_the_guests_deadline_logs_nobody_in() {
    let bench = open();
    let mut login = bench.over_guest(&needs_pttl(), &[]).await;
    bench.advance(LIFE + 1);
    let etag = bench.raw("HGET", &bench.store.keys.session(login.old.as_ref().unwrap().id), &[b"@"]);
    login.seen = Some(Snapshot { etag: Etag(etag), fields: Arc::default() });
    assert!(bench.refuses(&login).await);
    assert_eq!(bench.try_login(&login).await, Err(Refused::Gone(Some(EndReason::Expired))));
}

#[tokio::test]
async fn a_login_over_a_user_or_earlier_login_is_left_to_the_classic_script() {
    let bench = open();
    let (id, record) = bench.login("bob").await;
    let login =
        NewLogin { old: Some(old(&record, id)), seen: bench.snapshot(id).await, ..login_of("ada", Cap::default()) };
    assert!(bench.refuses(&login).await);
    let guest = bench.over_guest(&guest(), &[]).await;
    let other = Old { generation: 2, ..guest.old.clone().unwrap() };
    assert!(bench.refuses(&NewLogin { old: Some(other), ..guest }).await);
}

#[tokio::test]
async fn a_taken_id_an_epoch_and_a_full_cap_are_left_to_the_classic_script() {
    let bench = open();
    let login = login_of("ada", Cap::evict(1));
    bench.try_login(&login).await.unwrap();
    assert!(bench.refuses(&NewLogin { gate: Gate { cap: Cap::default(), ticket: None }, ..login }).await, "taken");
    assert!(matches!(bench.admit(bench.op(), &login_of("ada", Cap::evict(1))).await, Admitted::AtCap));
    assert!(bench.refuses(&login_of("ada", Cap::evict(1))).await);
    bench.revoke("ada", Scope::All).await.unwrap();
    assert!(bench.refuses(&login_of("ada", Cap::default())).await, "an epoch");
}

#[tokio::test]
async fn a_login_that_is_not_latest_and_longest_is_left_to_the_classic_script() {
    let bench = open();
    let mut long = login_of("ada", Cap::default());
    long.new.lifetimes.absolute_ms = 48 * HOUR;
    bench.try_login(&long).await.unwrap();
    assert!(bench.refuses(&login_of("ada", Cap::default())).await, "the index lasts longer");
    bench.set_back(MINUTE);
    long.new.lifetimes.absolute_ms = 96 * HOUR;
    assert!(bench.refuses(&NewLogin { new: NewSession { id: of_user("ada").id, ..long.new.clone() }, ..long }).await);
}

#[tokio::test]
async fn a_ticket_that_may_expire_in_flight_is_left_to_the_classic_script() {
    let bench = open();
    let now = bench.store.now();
    for (age, admitted) in [(TICKET_LIFE_MS - 50_000, false), (TICKET_LIFE_MS - 70_000, true)] {
        let mut login = login_of("ada", Cap::default());
        login.gate.ticket = Some(Ticket { epoch: None, taken: now - age });
        assert_eq!(matches!(bench.admit(bench.op(), &login).await, Admitted::In(_)), admitted);
    }
}

#[tokio::test]
async fn a_repeated_or_possibly_forgotten_login_is_not_admitted() {
    let bench = open();
    let login = bench.over_guest(&guest(), &[]).await;
    let op = bench.op();
    assert!(matches!(bench.admit(Op { again: true, ..op }, &login).await, Admitted::Perhaps));
    let id = login.old.as_ref().unwrap().id;
    for _ in 0..9 {
        let op = bench.op();
        bench.save_as(Op { not_after: op.not_after + 100, ..op }, &saving(id, &["a=3"])).await.unwrap();
    }
    let login = NewLogin { seen: bench.snapshot(id).await, ..login };
    assert!(bench.refuses_as(op, &login).await);
}

#[tokio::test]
async fn after_a_lost_admission_reply_the_classic_script_returns_it() {
    let bench = open();
    let login = NewLogin { keep: vec!["a".into()], ..bench.over_guest(&guest(), &["a=1"]).await };
    let op = bench.op();
    let first = bench.store.login(op, &login).await.unwrap().unwrap();
    for op in [op, Op { again: true, ..op }] {
        let again = bench.store.login(op, &login).await.unwrap().unwrap();
        assert_eq!(again, first);
    }
    assert_eq!(bench.listed("ada").await, [login.new.id]);
}

#[tokio::test]
async fn a_field_with_an_invalid_name_is_an_error() {
    let bench = open();
    let changes = vec![("@".to_owned(), Some(vec![1]))];
    let login = NewLogin { delta: Delta { clear: false, changes }, ..login_of("ada", Cap::default()) };
    assert!(matches!(bench.store.login(bench.op(), &login).await, Err(Error::Limit(_))));
}
