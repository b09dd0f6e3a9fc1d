//! Metadata that a newer version wrote: unknown parts are preserved, or the session is left as it is.

use super::*;
use crate::config::AtCap;
use crate::store::redis::script::call::ScriptCall;

/// An ignorable flag that this version does not know, and an extra of an unknown kind.
const FLAG: u8 = 0x80;
const EXTRA: &[u8] = b"\xc8\0\x02xy";
/// A rotation's digest of a CSRF token, with its time.
const FORMER: [u8; 22] = [0x44; 22];

impl Bench {
    fn etag(&self, id: SessionId) -> Vec<u8> {
        self.raw("HGET", &self.store.keys.session(id), &[b"@"])
    }

    fn replace(&self, id: SessionId, etag: &[u8]) {
        let _: u32 = self.raw("HSET", &self.store.keys.session(id), &[b"@", etag]);
    }

    /// Changes the metadata as a newer version would have written it.
    fn mark(&self, id: SessionId) {
        let mut etag = self.etag(id);
        etag[3] |= FLAG;
        etag.extend(EXTRA);
        self.replace(id, &etag);
    }

    async fn marked(&self, user: &str) -> SessionId {
        let (id, _) = self.login(user).await;
        self.mark(id);
        id
    }

    async fn marked_guest(&self) -> SessionId {
        let (id, _) = self.guest(&["cart=1"]).await;
        self.mark(id);
        id
    }

    #[track_caller]
    fn is_marked(&self, id: SessionId, after: &str) {
        let etag = self.etag(id);
        assert!(etag[3] == FLAG && etag.ends_with(EXTRA), "after {after}: {etag:02x?}");
    }

    #[track_caller]
    fn is_marked_tombstone(&self, id: SessionId, after: &str) {
        let etag = self.etag(id);
        assert!(etag[1] > 0 && etag[3] == FLAG && !etag.ends_with(EXTRA), "after {after}: {etag:02x?}");
    }
}

#[tokio::test]
async fn an_unknown_flag_and_an_unknown_extra_survive_every_write() {
    let bench = open();
    let id = bench.marked("ada").await;
    let record = bench.live(id).await;
    assert_eq!(record.meta.user.as_deref(), Some("ada"));
    bench.save(&saving(id, &["a=1"])).await.unwrap();
    bench.is_marked(id, "save");
    bench.save(&Save { snapshot: bench.snapshot(id).await, ..saving(id, &["a=2"]) }).await.unwrap();
    bench.is_marked(id, "swap");
    let counter = Increment { id, generation: 1, field: "n".into(), by: 1, snapshot: None };
    bench.store.increment(bench.op(), &counter).await.unwrap().unwrap();
    bench.is_marked(id, "increment");
    bench.advance(MINUTE);
    bench.touch(id, bench.live(id).await.meta.touched, Some("ada")).await.unwrap();
    bench.is_marked(id, "touch");
    assert_eq!(bench.live(id).await.meta.uses, 1);
    bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
    bench.is_marked(id, "rotate");
    let retime = Retime { id, generation: 1, lifetimes: SPANS, user: Some("ada".into()) };
    bench.store.retime(bench.op(), &retime).await.unwrap().unwrap();
    bench.is_marked(id, "retime");
    bench.revoke("ada", Scope::Others(id)).await.unwrap();
    bench.is_marked(id, "raise");
    let again = again(&bench.live(id).await, id, 3);
    bench.store.reauthenticate(bench.op(), &again).await.unwrap().unwrap();
    bench.is_marked(id, "reauthenticate");
    bench.end(id).await;
    bench.is_marked_tombstone(id, "end");
}

#[tokio::test]
async fn a_reauthentication_keeps_the_stored_extras_behind_every_client() {
    let bench = open();
    let id = bench.marked("ada").await;
    let clients = [
        ClientInfo::new(),
        ClientInfo::new().address([192, 0, 2, 1].into()).user_agent("curl/8"),
        ClientInfo::new().user_agent(""),
        ClientInfo::new().address(std::net::Ipv6Addr::LOCALHOST.into()),
    ];
    for (client, remember) in clients.into_iter().zip([None, None, Some(false), Some(true)]) {
        let call = Reauthenticate { client: client.clone(), remember, ..again(&bench.live(id).await, id, 3) };
        let record = bench.store.reauthenticate(bench.op(), &call).await.unwrap().unwrap();
        assert_eq!((record.meta.client, record.meta.remember), (client, remember));
        bench.is_marked(id, "reauthenticate");
    }
}

#[tokio::test]
async fn an_unknown_flag_survives_every_end() {
    let mut bench = open();
    let guests = [bench.marked_guest().await, bench.marked_guest().await, bench.marked_guest().await];
    for (at, guest) in guests.into_iter().enumerate() {
        let seen = if at == 0 { bench.snapshot(guest).await } else { None };
        let record = bench.live(guest).await;
        let login = NewLogin { old: Some(old(&record, guest)), seen, ..login_of("bob", Cap::default()) };
        bench.store.sharded = at == 2;
        bench.try_login(&login).await.unwrap();
        bench.is_marked_tombstone(guest, ["admit", "login", "leave"][at]);
    }
    bench.store.sharded = false;
    let evicted = bench.marked("ada").await;
    bench.login_at("ada", Cap { most: 1, policy: AtCap::EvictEarliest }).await.unwrap();
    bench.is_marked_tombstone(evicted, "login at the cap");
    let revoked = bench.marked("ada").await;
    bench.revoke("ada", Scope::All).await.unwrap();
    bench.is_marked_tombstone(revoked, "revoke");
    let new = needs_pttl();
    bench.create(&new, &["a=1"]).await;
    bench.mark(new.id);
    bench.advance(LIFE + 1);
    bench.sweep(new.id.bucket()).await;
    bench.is_marked_tombstone(new.id, "sweep");
    let buried = bench.marked_guest().await;
    let nothing = Delta::default();
    let call = ScriptCall::new(&scripts::END_BY_KEY, vec![bench.store.keys.session(buried)])
        .nothing()
        .number(4)
        .number(REMEMBER);
    let call = call.nothing().nothing().nothing().names(&[]).delta(&nothing).unwrap();
    bench.store.call(&mut bench.store.delivery(bench.op()), &call).await.unwrap();
    bench.is_marked_tombstone(buried, "end_by_key");
}

#[tokio::test]
async fn csrf_digests_survive_every_write() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
    let mut etag = bench.etag(id);
    assert_eq!((etag[151], &etag[152..168]), (1, &[1; 16][..]), "the digest of the rotation");
    etag[151] = 2;
    etag.splice(152..174, [FORMER, FORMER].concat());
    bench.replace(id, &etag);
    let has_both = || bench.etag(id)[152..196] == [FORMER, FORMER].concat();
    bench.save(&saving(id, &["a=1"])).await.unwrap();
    assert!(has_both());
    bench.save(&Save { snapshot: bench.snapshot(id).await, ..saving(id, &["a=2"]) }).await.unwrap();
    assert!(has_both());
    bench.store.rotate(bench.op(), &rotating(id, 2, 2, 3)).await.unwrap().unwrap();
    assert!(has_both() && bench.etag(id)[151] == 3);
    assert_eq!(bench.live(id).await.meta.rotation.map(|rotation| rotation.previous), Some(secret(2)));
    bench.revoke("ada", Scope::All).await.unwrap();
    assert!(has_both());
}

#[tokio::test]
async fn a_session_with_an_unknown_critical_flag_is_left_as_it_is() {
    let bench = open();
    let (guest, record) = bench.guest(&["cart=1"]).await;
    let (user, _) = bench.login("ada").await;
    for id in [guest, user] {
        let mut etag = bench.etag(id);
        etag[2] |= 8;
        bench.replace(id, &etag);
    }
    let before = [bench.etag(guest), bench.etag(user)];
    let foreign = |error| matches!(error, Error::Unreadable("its metadata is of another format"));
    assert!(foreign(bench.store.load(guest).await.unwrap_err()));
    assert!(foreign(bench.store.save(bench.op(), &saving(guest, &["a=1"])).await.unwrap_err()));
    let touch = Touch { id: guest, seen: record.meta.touched, first_use: None, user: None };
    assert!(foreign(bench.store.touch(bench.op(), &touch).await.unwrap_err()));
    let snapshot = Some(Snapshot { etag: Etag(before[0].clone()), fields: Arc::new(record.fields.clone()) });
    let save = Save { snapshot: snapshot.clone(), ..saving(guest, &["a=1"]) };
    assert!(foreign(bench.store.save(bench.op(), &save).await.unwrap_err()));
    let login = NewLogin { old: Some(old(&record, guest)), seen: snapshot, ..login_of("ada", Cap::default()) };
    assert!(foreign(bench.store.login(bench.op(), &login).await.unwrap_err()));
    assert_eq!(bench.listed("ada").await, []);
    assert_eq!([bench.etag(guest), bench.etag(user)], before);
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(1), "it keeps nobody from ending");
}

#[tokio::test]
async fn a_session_of_another_format_is_left_as_it_is() {
    let bench = open();
    let (id, record) = bench.guest(&["cart=1"]).await;
    let whole = bench.etag(id);
    for format in [0, 2, 255] {
        let mut etag = whole.clone();
        etag[0] = format;
        bench.replace(id, &etag);
        let foreign = |error| matches!(error, Error::Unreadable("its metadata is of another format"));
        assert!(foreign(bench.store.load(id).await.unwrap_err()), "{format}");
        assert!(foreign(bench.store.save(bench.op(), &saving(id, &["a=1"])).await.unwrap_err()), "{format}");
        assert!(foreign(bench.store.end(bench.op(), &ending(&record, id)).await.unwrap_err()), "{format}");
        assert_eq!(bench.etag(id), etag);
    }
}

#[tokio::test]
async fn a_session_with_a_truncated_head_is_left_as_it_is() {
    const HEAD: usize = 107;
    let bench = open();
    let (id, record) = bench.guest(&["cart=1"]).await;
    let whole = bench.etag(id);
    for length in 0..HEAD {
        bench.replace(id, &whole[..length]);
        assert!(matches!(bench.store.load(id).await, Err(Error::Unreadable(_))), "{length} bytes");
        assert!(bench.store.save(bench.op(), &saving(id, &["a=1"])).await.is_err(), "{length} bytes");
        assert!(bench.store.end(bench.op(), &ending(&record, id)).await.is_err(), "{length} bytes");
        assert_eq!(bench.etag(id), whole[..length]);
    }
}
