//! A swap does what the classic script would have done, or nothing.

use std::collections::BTreeMap;

use super::*;

/// Not-afters and the time that passes are on a grid, so that a call's own milliseconds never decide what has expired.
const STEP: u64 = 20_000;
const FIELDS: [&str; 4] = ["a", "b", "n", "m"];

type Hash = BTreeMap<Vec<u8>, Vec<u8>>;

impl Bench {
    pub(super) fn hash(&self, id: SessionId) -> Hash {
        self.raw("HGETALL", &self.store.keys.session(id), &[])
    }

    /// A copy of the session under an id that is in no index.
    fn twin(&self, id: SessionId) -> SessionId {
        let twin = guest().id;
        let _: bool = self.raw("COPY", &self.store.keys.session(id), &[&self.store.keys.session(twin)]);
        twin
    }

    async fn swap(&self, op: Op, save: &Save) -> Result<Wrote, Refused> {
        self.store.save(op, save).await.unwrap()
    }

    async fn seen(&self, id: SessionId, changes: &[&str]) -> Save {
        Save { snapshot: self.snapshot(id).await, ..saving(id, changes) }
    }
}

/// One random session, and the calls on it and on its copy.
struct Pair {
    bench: Bench,
    random: fastrand::Rng,
    id: SessionId,
    begun: Millis,
    swaps: u32,
}

impl Pair {
    async fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let tight = Limits::default().fields(3).session_bytes(40);
        let bench = open_with(if seed.is_multiple_of(2) { tight } else { Limits::default() });
        let new = if random.bool() { needs_pttl() } else { guest() };
        bench.create(&new, &["a=1", "b=22"]).await;
        let begun = bench.store.now();
        Self { bench, random, id: new.id, begun, swaps: 0 }
    }

    /// Later than the horizon: a stale call is sent as another one, with an id of its own on each copy.
    fn op(&mut self) -> Op {
        let latest = self.begun + STEP / 2 + 4 * STEP;
        let horizon = || meta::head(&self.bench.hash(self.id)[&b"@"[..]]).unwrap().horizon;
        if horizon() >= latest {
            self.bench.advance(STEP);
        }
        let stale = horizon();
        let not_after = (0..5).map(|steps| latest - STEP * steps).take_while(|not_after| *not_after > stale);
        let not_after = self.random.choice(not_after.collect::<Vec<_>>()).unwrap();
        Op { not_after, ..self.bench.op() }
    }

    fn delta(&mut self) -> Delta {
        let mut delta = Delta { clear: self.random.u8(..) < 40, changes: Vec::new() };
        for field in ["a", "b", "m", "n"] {
            let value = match self.random.u8(..8) {
                0 => Some(encode_bytes(&vec![b'x'; *self.random.choice(&[0, 3, 12, 1023, 1024]).unwrap()])),
                1 => Some(encode_counter(self.random.i64(..))),
                2 => None,
                _ => continue,
            };
            delta.changes.push((field.into(), value));
        }
        delta
    }

    async fn step(&mut self) {
        let op = self.op();
        let (id, twin) = (self.id, self.bench.twin(self.id));
        let snapshot = self.bench.snapshot(id).await;
        if self.random.bool() {
            let version = (self.random.u8(..) < 20).then_some(1);
            let save = Save { id, generation: 1, version, delta: self.delta().into(), snapshot };
            let classic = self.bench.save_as(op, &Save { id: twin, snapshot: None, ..save.clone() }).await;
            let swapped = self.bench.swap(op, &save).await;
            self.note(swapped.as_ref().ok());
            assert_eq!(swapped.map(|wrote| wrote.version), classic);
        } else {
            let by = *self.random.choice(&[1, -1, 10_i64.pow(9), i64::MAX, i64::MIN]).unwrap();
            let field = (*self.random.choice(&FIELDS).unwrap()).to_owned();
            let increment = Increment { id, generation: 1, field, by, snapshot };
            let on_twin = Increment { id: twin, snapshot: None, ..increment.clone() };
            let classic = self.bench.store.increment(op, &on_twin).await.unwrap();
            let swapped = self.bench.store.increment(op, &increment).await.unwrap();
            self.note(swapped.as_ref().ok().map(|(_, wrote)| wrote));
            let plain = |answer: Result<(i64, Wrote), _>| answer.map(|(value, wrote)| (value, wrote.version));
            assert_eq!(plain(swapped), plain(classic));
        }
        assert_eq!(self.bench.hash(id), self.bench.hash(twin));
        let expiry = |id| self.bench.expiry(&self.bench.store.keys.session(id));
        assert_eq!(expiry(id), expiry(twin));
        let head = meta::head(&self.bench.hash(id)[&b"@"[..]]).unwrap();
        assert_eq!(expiry(id) as u64, head.deadline() + head.stays_ms(), "the time left tells the time");
        let _: u32 = self.bench.raw("UNLINK", &self.bench.store.keys.session(twin), &[]);
    }

    /// The metadata that a swap returns is what is stored.
    fn note(&mut self, wrote: Option<&Wrote>) {
        if let Some(Etag(etag)) = wrote.and_then(|wrote| wrote.etag.as_ref()) {
            assert_eq!(Some(etag), self.bench.hash(self.id).get(&b"@"[..]));
            self.swaps += 1;
        }
    }

    /// Something else that changes the metadata.
    async fn interlude(&mut self) {
        let op = self.op();
        match self.random.u8(..10) {
            0 => drop(self.bench.store.rotate(op, &rotating(self.id, 1, 1, 1)).await.unwrap()),
            1 => drop(self.bench.touch(self.id, 0, None).await),
            2 => self.bench.advance(STEP),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_swap_stores_and_returns_what_the_classic_script_would() {
    let mut swaps = 0;
    for seed in 0..6 {
        let mut pair = Pair::new(seed).await;
        for _ in 0..60 {
            pair.interlude().await;
            pair.step().await;
        }
        swaps += pair.swaps;
    }
    assert!(swaps > 80, "most calls that are not refused are swaps: {swaps}");
}

#[tokio::test]
async fn a_session_written_since_the_load_is_left_to_the_classic_script() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    let (one, other) = (bench.seen(id, &["a=2"]).await, bench.seen(id, &["b=2"]).await);
    let first = bench.swap(bench.op(), &one).await.unwrap();
    let second = bench.swap(bench.op(), &other).await.unwrap();
    assert_eq!((first.version, second.version), (2, 3));
    assert_eq!((first.etag.is_some(), second.etag.is_some()), (true, false));
    let record = bench.live(id).await;
    assert_eq!(names(&record), ["a", "b"]);
    assert_eq!(stored_at(&record, 0), encode_bytes(b"2"));
    let stale = Save { version: Some(2), ..other };
    assert_eq!(bench.swap(bench.op(), &stale).await, Err(Refused::Conflict), "the version decides there");
}

#[tokio::test]
async fn the_metadata_returned_by_a_swap_is_valid_for_the_next() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    let mut save = bench.seen(id, &["a=2"]).await;
    for version in 2..14 {
        // Each later than the one before: of more than eight in a millisecond some would be stale.
        let op = bench.op();
        let wrote = bench.swap(Op { not_after: op.not_after + 10 * u64::from(version), ..op }, &save).await.unwrap();
        assert_eq!(wrote.version, version);
        let fields = save.snapshot.unwrap().fields;
        save.snapshot = Some(Snapshot { etag: wrote.etag.expect("a swap"), fields });
    }
}

#[tokio::test]
async fn after_a_lost_swap_reply_the_classic_script_returns_it() {
    let bench = open();
    let (id, _) = bench.guest(&["n=x"]).await;
    let (op, save) = (bench.op(), bench.seen(id, &["a=2"]).await);
    assert_eq!(bench.save_as(op, &save).await, Ok(2));
    assert_eq!(bench.save_as(op, &save).await, Ok(2), "sent again by the client");
    assert_eq!(bench.save_as(Op { again: true, ..op }, &save.to_repeat()).await, Ok(2), "sent again by the caller");
    assert_eq!(bench.live(id).await.meta.version, 2);

    let (id, _) = bench.guest(&["n=x"]).await;
    let (op, snapshot) = (bench.op(), bench.snapshot(id).await);
    let add = Increment { id, generation: 1, field: "hits".into(), by: 5, snapshot };
    for _ in 0..3 {
        let (value, wrote) = bench.store.increment(op, &add).await.unwrap().unwrap();
        assert_eq!((value, wrote.version), (5, 2));
    }
}

#[tokio::test]
async fn a_call_that_may_have_been_forgotten_is_not_swapped() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    let forgotten = bench.op();
    bench.save_as(forgotten, &saving(id, &["a=2"])).await.unwrap();
    for _ in 0..8 {
        bench.save(&saving(id, &["a=3"])).await.unwrap();
    }
    let save = bench.seen(id, &["a=2"]).await;
    let again = bench.store.save(Op { again: true, ..forgotten }, &save).await;
    assert!(matches!(again, Err(Error::Indeterminate(_))), "{again:?}");
    let wrote = bench.swap(forgotten, &save).await.unwrap();
    assert!(wrote.etag.is_none(), "refused as stale, it was sent as another call");
    assert_eq!(bench.live(id).await.meta.version, 11);
}

#[tokio::test]
async fn a_swap_that_is_late_or_far_too_early_is_left_to_the_classic_script() {
    let bench = open();
    for new in [guest(), needs_pttl()] {
        bench.create(&new, &["a=1"]).await;
        for (ahead, swaps) in [(-1_000, false), (1_000, true), (119_000, true), (121_000, false)] {
            let save = bench.seen(new.id, &["a=2"]).await;
            let not_after = bench.store.now().saturating_add_signed(ahead);
            let wrote = bench.swap(Op { not_after, ..bench.op() }, &save).await.unwrap();
            assert_eq!(wrote.etag.is_some(), swaps, "{ahead}");
        }
    }
}

#[tokio::test]
async fn a_swap_past_the_deadline_writes_nothing() {
    let bench = open();
    let new = needs_pttl();
    bench.create(&new, &["a=1"]).await;
    bench.advance(LIFE + 1);
    let before = bench.hash(new.id);
    let fields = [("a", encode_bytes(b"1"))].into_iter().collect();
    let snapshot = Some(Snapshot { etag: Etag(before[&b"@"[..]].clone()), fields: Arc::new(fields) });
    let save = Save { snapshot, ..saving(new.id, &["a=2"]) };
    assert_eq!(bench.swap(bench.op(), &save).await, Err(Refused::Gone(Some(EndReason::Expired))));
    assert_eq!(bench.hash(new.id), before);
}

#[tokio::test]
async fn a_swap_with_an_older_login_or_version_writes_nothing() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    let save = bench.seen(id, &["a=2"]).await;
    for refused in [Save { generation: 2, ..save.clone() }, Save { version: Some(2), ..save.clone() }] {
        assert_eq!(bench.swap(bench.op(), &refused).await, Err(Refused::Conflict));
    }
    let unnamed = Save { delta: delta(&["@=1"]).into(), ..bench.seen(id, &[]).await };
    assert!(bench.store.save(bench.op(), &unnamed).await.is_err(), "no field's name");
    assert_eq!(bench.live(id).await.meta.version, 1);
}

#[tokio::test]
async fn a_swap_that_a_touch_overtakes_is_left_to_the_classic_script() {
    let bench = open();
    let new = NewSession { lifetimes: Lifetimes { interval_ms: 1, ..SPANS }, ..guest() };
    let record = bench.create(&new, &["a=1"]).await;
    let save = bench.seen(new.id, &["a=2"]).await;
    let mut touched = record.meta.touched;
    while touched == record.meta.touched {
        touched = bench.touch(new.id, touched, None).await.unwrap().touched;
    }
    let wrote = bench.swap(bench.op(), &save).await.unwrap();
    assert_eq!((wrote.version, wrote.etag), (2, None));
    assert_eq!(bench.live(new.id).await.meta.touched, touched, "the touch stands");
}

#[tokio::test]
async fn a_repeat_with_a_newer_snapshot_is_not_swapped() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let op = bench.op();
    let add = Increment { id, generation: 1, field: "n".into(), by: 5, snapshot: None };
    bench.store.increment(op, &add).await.unwrap().unwrap();
    let again = Increment { snapshot: bench.snapshot(id).await, ..add };
    let (value, _) = bench.store.increment(Op { again: true, ..op }, &again).await.unwrap().unwrap();
    assert_eq!((value, bench.live(id).await.meta.version), (5, 2));
}

#[tokio::test]
async fn only_digits_that_redis_would_increment_are_a_counter() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    for digits in ["007", "+7", "-0", "7 ", ""] {
        let change = ("n".to_owned(), Some(digits.as_bytes().to_vec()));
        let delta = Delta { clear: false, changes: vec![change] };
        bench.save(&Save { delta: delta.into(), ..saving(id, &[]) }).await.unwrap();
        let snapshot = bench.snapshot(id).await;
        let classic = Increment { id, generation: 1, field: "n".into(), by: 1, snapshot: None };
        let add = Increment { snapshot, ..classic.clone() };
        for increment in [add, classic] {
            assert_eq!(
                bench.store.increment(bench.op(), &increment).await.unwrap(),
                Err(Refused::WrongKind),
                "{digits}"
            );
        }
    }
}
