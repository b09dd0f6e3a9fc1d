use super::*;
use crate::config::AtCap;

#[tokio::test]
async fn revoking_all_ends_every_session_and_voids_earlier_tickets() {
    let bench = open();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(bench.login("ada").await.0);
    }
    let (bob, _) = bench.login("bob").await;
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(3));
    for id in &ids {
        assert_eq!(bench.reason(*id).await, Some(EndReason::Revoked));
        assert_eq!(bench.scored(*id), None);
    }
    assert_eq!((bench.indexed("ada"), bench.is_live(bob).await), (0, true));
    let epoch = bench.store.ticket("ada").await.unwrap().epoch.unwrap();
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(0));
    assert!(bench.store.ticket("ada").await.unwrap().epoch.unwrap() > epoch);
    let (later, _) = bench.login("ada").await;
    assert!(bench.is_live(later).await);
}

#[tokio::test]
async fn revoking_others_keeps_exactly_the_one_named() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (kept, _) = bench.login("ada").await;
    let (last, _) = bench.login("ada").await;
    assert_eq!(bench.revoke("ada", Scope::Others(kept)).await, Ok(2));
    assert_eq!(bench.listed("ada").await, [kept]);
    assert!(!bench.is_live(first).await && !bench.is_live(last).await);
}

#[tokio::test]
async fn revoking_others_of_a_dead_or_foreign_session_changes_nothing() {
    let bench = open();
    let (ada, _) = bench.login("ada").await;
    let (bob, _) = bench.login("bob").await;
    let (ended, _) = bench.login("ada").await;
    bench.end(ended).await;
    for id in [bob, ended, of_user("ada").id, bench.guest(&[]).await.0] {
        for scope in [Scope::Others(id), Scope::One(id)] {
            assert_eq!(bench.revoke("ada", scope).await, Err(Refused::Gone(None)), "{scope:?}");
        }
    }
    assert!(bench.is_live(ada).await && bench.is_live(bob).await);
    assert_eq!(bench.store.ticket("ada").await.unwrap().epoch, None);
}

#[tokio::test]
async fn a_guest_in_the_users_bucket_does_not_belong_to_the_user() {
    let bench = open();
    let new = NewSession { user: None, ..of_user("ada") };
    bench.create(&new, &[]).await;
    assert_eq!(bench.revoke("ada", Scope::One(new.id)).await, Err(Refused::Gone(None)));
    assert_eq!(bench.revoke("ada", Scope::Others(new.id)).await, Err(Refused::Gone(None)));
    assert!(bench.is_live(new.id).await);
}

#[tokio::test]
async fn revoking_one_session_ends_it_and_voids_no_ticket() {
    let bench = open();
    let (one, _) = bench.login("ada").await;
    let (other, _) = bench.login("ada").await;
    assert_eq!(bench.revoke("ada", Scope::One(one)).await, Ok(1));
    assert_eq!(bench.listed("ada").await, [other]);
    assert_eq!(bench.store.ticket("ada").await.unwrap().epoch, None);
}

#[tokio::test]
async fn logins_at_the_same_time_are_caught_or_later_than_the_epoch() {
    let bench = Arc::new(open());
    let logins: Vec<_> =
        (0..40).map(|_| bench.clone()).map(|bench| tokio::spawn(async move { bench.login("ada").await })).collect();
    let revoked = bench.revoke("ada", Scope::All).await.unwrap();
    let epoch = bench.store.ticket("ada").await.unwrap().epoch.unwrap();
    let mut live = 0;
    for login in logins {
        let (id, record) = login.await.unwrap();
        assert_eq!(bench.is_live(id).await, record.meta.since > epoch);
        live += u64::from(bench.is_live(id).await);
    }
    assert_eq!(revoked + live, 40);
    assert_eq!(bench.listed("ada").await.len() as u64, live);
}

#[tokio::test]
async fn two_revocations_at_once_end_everything_once() {
    let bench = open();
    for _ in 0..20 {
        bench.login("ada").await;
    }
    let (one, other) = tokio::join!(bench.revoke("ada", Scope::All), bench.revoke("ada", Scope::All));
    assert_eq!(one.unwrap() + other.unwrap(), 20);
    assert_eq!(bench.listed("ada").await, []);
}

#[tokio::test]
async fn tombstones_of_concurrent_ends_expire_apart_and_never_early() {
    let bench = open();
    let mut ids = Vec::new();
    for _ in 0..64 {
        ids.push(bench.login("ada").await.0);
    }
    let before = bench.store.ping().await.unwrap();
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(64));
    let after = bench.store.ping().await.unwrap();
    let mut expiries = Vec::new();
    for id in ids {
        let (expiry, kept) =
            (bench.expiry(&bench.store.keys.session(id)) as u64, bench.store.settings.tombstone_ms(id));
        assert!((before + kept..=after + kept).contains(&expiry), "as the embedded store");
        expiries.push(expiry);
    }
    expiries.sort_unstable();
    assert!(expiries[0] >= before + REMEMBER && expiries[63] < after + REMEMBER + REMEMBER / 10);
    assert!(expiries[63] - expiries[0] > REMEMBER / 20);
}

#[tokio::test]
async fn an_epoch_is_kept_for_an_hour() {
    let bench = open();
    bench.revoke("ada", Scope::All).await.unwrap();
    let epoch = bench.store.keys.epoch(&UserHash::of("ada"));
    let left: u64 = bench.raw("PTTL", &epoch, &[]);
    assert!((EPOCH_LIFE_MS - 5_000..=EPOCH_LIFE_MS).contains(&left));
    bench.advance(HOUR + 1);
    assert_eq!(bench.store.ticket("ada").await.unwrap().epoch, None);
}

#[tokio::test]
async fn a_repeated_raise_returns_the_epoch_that_it_set() {
    let bench = open();
    let (kept, _) = bench.login("ada").await;
    let (user, op) = (UserHash::of("ada"), bench.op());
    let keys = [bench.store.keys.epoch(&user), bench.store.keys.index(&user), bench.store.keys.session(kept)];
    let least = bench.store.ping().await.unwrap().to_string();
    let args: [&[u8]; 3] = [least.as_bytes(), b"3600000", &meta::owner("ada")];
    let raise = async || {
        let reply = bench.deliver(&scripts::RAISE, op, &keys, &args).await;
        (reply.code, reply.value().unwrap())
    };
    let first = raise().await;
    assert_eq!(first.0, reply::Code::Ok);
    bench.revoke("ada", Scope::Others(kept)).await.unwrap();
    let epoch = bench.store.ticket("ada").await.unwrap().epoch;
    assert_eq!(raise().await, first, "another revocation has raised it since");
    bench.end(kept).await;
    assert_eq!(raise().await, first, "the tombstone remembers");
    assert_eq!(bench.store.ticket("ada").await.unwrap().epoch, epoch);
}

#[tokio::test]
async fn a_repeated_revocation_counts_what_its_first_delivery_ended() {
    let bench = open();
    let (one, record) = bench.login("ada").await;
    let (kept, _) = bench.login("ada").await;
    let op = bench.op();
    for when in ["at first", "again", "after the one that stays has ended"] {
        let reply = bench.deliver_revoke(op, one, kept, record.meta.since).await;
        assert_eq!((reply.code, reply.value().unwrap()), (reply::Code::Ok, ::redis::Value::Int(1)), "{when}");
        if when == "again" {
            bench.end(kept).await;
        }
    }
    assert_eq!(bench.reason(one).await, Some(EndReason::Revoked));
}

#[tokio::test]
async fn a_login_since_the_index_was_read_is_not_revoked() {
    let bench = open();
    let (one, record) = bench.login("ada").await;
    let (kept, _) = bench.login("ada").await;
    let reply = bench.deliver_revoke(bench.op(), one, kept, record.meta.since - 1).await;
    assert_eq!((reply.code, reply.value().unwrap()), (reply::Code::Ok, ::redis::Value::Int(0)));
    assert!(bench.is_live(one).await);
}

#[tokio::test]
async fn nothing_is_ended_if_the_session_to_keep_has_ended_by_then() {
    let bench = open();
    let mut needs_pttl = login_of("ada", Cap::default());
    needs_pttl.new.grace_ms = GRACE as u32;
    bench.try_login(&needs_pttl).await.unwrap();
    bench.advance(LIFE + 1);
    let (one, record) = bench.login("ada").await;
    let (ended, _) = bench.login("ada").await;
    bench.end(ended).await;
    let (bob, _) = bench.login("bob").await;
    for staying in [needs_pttl.new.id, ended, bob, of_user("ada").id] {
        let reply = bench.deliver_revoke(bench.op(), one, staying, record.meta.since).await;
        assert_eq!(reply.code, reply::Code::Gone);
    }
    assert!(bench.is_live(one).await);
}

#[tokio::test]
async fn a_late_raise_does_not_lower_the_epoch() {
    let bench = open();
    let (user, op) = (UserHash::of("ada"), bench.op());
    let epoch = bench.store.keys.epoch(&user);
    let keys = [epoch.clone(), bench.store.keys.index(&user), epoch];
    let least = (bench.store.ping().await.unwrap() - 1_000).to_string();
    let raise = async || bench.deliver(&scripts::RAISE, op, &keys, &[least.as_bytes(), b"3600000", b""]).await.code;
    assert_eq!(raise().await, reply::Code::Ok);
    bench.revoke("ada", Scope::All).await.unwrap();
    let raised = bench.store.ticket("ada").await.unwrap().epoch;
    assert_eq!(raise().await, reply::Code::Ok);
    assert_eq!(bench.store.ticket("ada").await.unwrap().epoch, raised);
}

#[tokio::test]
async fn a_session_past_its_deadline_cannot_be_the_one_to_keep() {
    let bench = open();
    let mut login = login_of("ada", Cap::default());
    login.new.grace_ms = GRACE as u32;
    bench.try_login(&login).await.unwrap();
    bench.advance(LIFE + 1);
    let (other, _) = bench.login("ada").await;
    assert_eq!(bench.revoke("ada", Scope::Others(login.new.id)).await, Err(Refused::Gone(None)));
    assert!(bench.is_live(other).await);
    assert_eq!(bench.store.ticket("ada").await.unwrap().epoch, None);
}

/// Metadata as a newer version may write it, and truncated metadata.
const STRANGE: [&[u8]; 3] = [b"\x02newer", b"\x01\0\x08\0newer", b"\x01\0\0cut"];

#[tokio::test]
async fn an_unreadable_session_ends_too_and_stops_no_other_end() {
    for strange in STRANGE {
        let bench = open();
        let (readable, (damaged, _)) = (bench.login("ada").await.0, bench.login("ada").await);
        let guest = NewSession { user: None, ..of_user("ada") };
        bench.create(&guest, &[]).await;
        let guest = guest.id;
        for id in [damaged, guest] {
            let _: u32 = bench.raw("HSET", &bench.store.keys.session(id), &[b"@", strange]);
        }
        let bucket = damaged.bucket();
        assert_eq!(bench.listed("ada").await, [readable]);
        assert_eq!(bench.indexed("ada"), 2, "to list ends nothing");
        assert_eq!(bench.store.revoke_bucket(bucket, Who::Guests).await.unwrap(), 0, "it may be a user's");
        assert_eq!(
            bench.revoke("ada", Scope::One(guest)).await,
            Err(Refused::Gone(None)),
            "nothing says that it is hers"
        );
        assert_eq!(bench.raw::<Vec<u8>>("HGET", &bench.store.keys.session(guest), &[b"@"]), strange);
        assert_eq!(bench.revoke("ada", Scope::All).await, Ok(2));
        assert_eq!(bench.reason(readable).await, Some(EndReason::Revoked));
        assert_eq!(bench.reason(damaged).await, Some(EndReason::Revoked));
        assert_eq!((bench.scored(damaged), bench.indexed("ada")), (None, 0));
        assert_eq!(bench.store.revoke_bucket(bucket, Who::Everyone).await.unwrap(), 1);
        assert_eq!(bench.reason(guest).await, Some(EndReason::Revoked));
        assert_eq!(bench.scored(guest), None);
    }
}

#[tokio::test]
async fn an_unreadable_session_is_evicted_at_the_cap() {
    for strange in STRANGE {
        let bench = open();
        let (damaged, _) = bench.login("ada").await;
        let _: u32 = bench.raw("HSET", &bench.store.keys.session(damaged), &[b"@", strange]);
        let cap = |policy| Cap { most: 1, policy };
        assert_eq!(bench.login_at("ada", cap(AtCap::Reject)).await, Err(Refused::AtCap), "it counts");
        bench.login_at("ada", cap(AtCap::EvictEarliest)).await.unwrap();
        assert_eq!(bench.reason(damaged).await, Some(EndReason::Evicted));
        assert_eq!(bench.indexed("ada"), 1);
    }
}

#[tokio::test]
async fn a_key_that_is_not_a_hash_is_reported_and_left() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    let key = bench.store.keys.session(id);
    let _: u32 = bench.raw("DEL", &key, &[]);
    let _: String = bench.raw("SET", &key, &[b"another's"]);
    assert!(bench.store.revoke("ada", Scope::All, EndReason::Revoked).await.is_err());
    assert_eq!((bench.raw::<String>("GET", &key, &[]), bench.indexed("ada")), ("another's".to_owned(), 1));
}
