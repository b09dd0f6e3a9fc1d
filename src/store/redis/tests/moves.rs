//! A real Redis Cluster, with moving slots.

use super::*;
use crate::sessions::all_buckets::AllBuckets;
use crate::store::redis::client::tests::cluster::TestCluster;

/// A store on a cluster; the benches' helpers that call one server directly do not apply.
struct Moving {
    bench: Bench,
    cluster: TestCluster,
}

fn on_a_cluster() -> Moving {
    let cluster = TestCluster::start(false);
    let bench = Bench { store: store_at(&cluster.url(), "moving", Limits::default()), server: Server::shared() };
    Moving { bench, cluster }
}

impl Moving {
    fn slot(&self, bucket: Bucket) -> u16 {
        let key = String::from_utf8(self.bench.store.keys.deadlines(bucket)).unwrap();
        self.cluster.nodes[0].admin(&format!("CLUSTER KEYSLOT {key}"))
    }

    /// The master that has it while nothing moves, and another.
    fn masters(&self, bucket: Bucket) -> (usize, usize) {
        let from = usize::from(self.slot(bucket) / 5461).min(2);
        (from, (from + 1) % 3)
    }

    fn begin(&self, bucket: Bucket) {
        let (from, to) = self.masters(bucket);
        self.cluster.begin_move(self.slot(bucket), from, to);
    }

    fn carry_over(&self, bucket: Bucket, key: Vec<u8>) {
        let (from, to) = self.masters(bucket);
        self.cluster.move_key(&String::from_utf8(key).unwrap(), from, to);
    }

    fn finish(&self, bucket: Bucket) {
        let (from, to) = self.masters(bucket);
        self.cluster.end_move(self.slot(bucket), from, to);
    }

    /// The number of members in the user's index, on whichever server it is.
    fn indexed(&self, user: &str) -> usize {
        let key = String::from_utf8(self.bench.store.keys.index(&UserHash::of(user))).unwrap();
        let counts = self.cluster.nodes.iter().map(|node| {
            let mut connection = node.blocking();
            let _asking: () = ::redis::cmd("ASKING").query(&mut connection).unwrap();
            ::redis::cmd("ZCARD").arg(&key).query::<usize>(&mut connection).unwrap_or(0)
        });
        counts.sum()
    }

    fn session(&self, id: SessionId) -> Vec<u8> {
        self.bench.store.keys.session(id)
    }
}

fn bucket_of(user: &str) -> Bucket {
    UserHash::of(user).bucket()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_across_masters_ends_the_guest_and_carries_its_fields() {
    let on = on_a_cluster();
    let mut crossed = 0;
    for number in 0..20 {
        let (guest, before) = on.bench.guest(&["cart=1", "other=1"]).await;
        let user = format!("user{number}");
        crossed += u32::from(on.masters(guest.bucket()).0 != on.masters(bucket_of(&user)).0);
        let mut login = NewLogin { old: Some(old(&before, guest)), ..login_of(&user, Cap::default()) };
        login.keep = vec!["cart".into()];
        let record = on.bench.try_login(&login).await.unwrap();
        assert_eq!(names(&record), ["cart"]);
        assert_eq!(on.bench.live(login.new.id).await, record);
        assert_eq!(on.bench.reason(guest).await, Some(EndReason::LoggedIn));
        assert_eq!(on.bench.listed(&user).await, [login.new.id]);
    }
    assert!(crossed > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_live_session_leaves_its_index_while_its_slot_moves() {
    let on = on_a_cluster();
    let bucket = bucket_of("ada");
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(on.bench.login("ada").await.0);
    }
    on.begin(bucket);
    assert_eq!(on.bench.listed("ada").await, ids, "nothing has moved yet");
    on.carry_over(bucket, on.session(ids[1]));
    assert_eq!(on.bench.listed("ada").await, ids, "one session has");
    on.bench.store.sweep(bucket).await.unwrap();
    on.carry_over(bucket, on.bench.store.keys.index(&UserHash::of("ada")));
    assert_eq!(on.bench.listed("ada").await, ids, "the index has");
    on.carry_over(bucket, on.bench.store.keys.deadlines(bucket));
    on.bench.store.sweep(bucket).await.unwrap();
    assert_eq!((on.bench.listed("ada").await, on.indexed("ada")), (ids.clone(), 3));
    for id in [ids[0], ids[2]] {
        on.carry_over(bucket, on.session(id));
    }
    on.finish(bucket);
    assert_eq!((on.bench.listed("ada").await, on.indexed("ada")), (ids, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_a_session_whose_keys_are_on_two_servers() {
    let on = on_a_cluster();
    let bucket = bucket_of("ada");
    let (moved, first) = on.bench.login("ada").await;
    let (stayed, second) = on.bench.login("ada").await;
    on.begin(bucket);
    on.carry_over(bucket, on.session(moved));
    for (id, record) in [(moved, &first), (stayed, &second)] {
        let answer = on.bench.store.end(on.bench.op(), &ending(record, id)).await.unwrap();
        assert_eq!(answer, Ok(None));
        assert_eq!(on.bench.reason(id).await, Some(EndReason::LoggedOut));
    }
    assert_eq!(on.indexed("ada"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_reaches_sessions_on_both_servers_and_no_later_login() {
    let on = on_a_cluster();
    let bucket = bucket_of("ada");
    let ids = [on.bench.login("ada").await.0, on.bench.login("ada").await.0, on.bench.login("ada").await.0];
    let ticket = on.bench.store.ticket("ada").await.unwrap();
    on.begin(bucket);
    on.carry_over(bucket, on.session(ids[1]));
    assert_eq!(on.bench.revoke("ada", Scope::One(ids[1])).await, Ok(1));
    assert_eq!(on.bench.revoke("ada", Scope::All).await, Ok(2));
    for id in ids {
        assert_eq!(on.bench.reason(id).await, Some(EndReason::Revoked));
    }
    for key in [on.session(ids[0]), on.session(ids[2]), on.bench.store.keys.deadlines(bucket)] {
        let (from, _) = on.masters(bucket);
        let there: bool =
            ::redis::cmd("EXISTS").arg(&key).query(&mut on.cluster.nodes[from].blocking()).unwrap_or(false);
        if there {
            on.carry_over(bucket, key);
        }
    }
    on.finish(bucket);
    let mut before = login_of("ada", Cap::default());
    before.gate.ticket = Some(ticket);
    assert_eq!(on.bench.try_login(&before).await, Err(Refused::TicketVoid), "the epoch was raised");
    let (later, _) = on.bench.login("ada").await;
    assert_eq!(on.bench.listed("ada").await, [later]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_over_all_buckets_continues_while_one_moves() {
    let on = on_a_cluster();
    let mut ids = vec![on.bench.login("ada").await.0];
    for _ in 0..20 {
        ids.push(on.bench.guest(&["a=1"]).await.0);
    }
    let bucket = bucket_of("ada");
    on.begin(bucket);
    on.carry_over(bucket, on.session(ids[0]));
    let mut walk = AllBuckets::over(ids.iter().map(|id| id.bucket()));
    let mut ended = 0;
    while let Some(bucket) = walk.next().await {
        let answer = on.bench.store.revoke_bucket(bucket, Who::Everyone).await;
        ended += walk.settle(bucket, answer).unwrap().unwrap_or(0);
    }
    assert_eq!(ended, 21);
    for id in ids {
        assert!(!on.bench.is_live(id).await);
    }
}
