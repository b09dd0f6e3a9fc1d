//! Ends while a slot moves: every rule of ends applies.

use super::*;
use crate::store::redis::ops::resharding::{EndByKey, end_by_key};

#[path = "end.rs"]
#[allow(clippy::duplicate_mod, reason = "once in one script, once key by key")]
mod end;

#[path = "revoke.rs"]
#[allow(clippy::duplicate_mod, reason = "once in one script, once key by key")]
mod revoke;

#[path = "delivery.rs"]
#[allow(clippy::duplicate_mod, reason = "once in one script, once key by key")]
mod delivery;

fn open() -> Bench {
    open_with(Limits::default())
}

fn open_with(limits: Limits) -> Bench {
    let mut bench = super::open_with(limits);
    bench.store.resharding = true;
    bench
}
#[tokio::test]
async fn a_session_ends_even_if_its_successor_cannot_be_made() {
    let bench = open();
    let (id, record) = bench.guest(&["a=1"]).await;
    let (taken, _) = bench.guest(&[]).await;
    let successor = Some((NewSession { id: taken, ..guest() }, vec!["a".to_owned()]));
    let end = End { successor, ..ending(&record, id) };
    assert_eq!(bench.store.end(bench.op(), &end).await.unwrap(), Ok(None));
    assert_eq!((bench.reason(id).await, bench.scored(id)), (Some(EndReason::LoggedOut), None));
}

#[tokio::test]
async fn a_repeated_end_returns_the_successor_from_the_tombstone() {
    let bench = open();
    let (id, record) = bench.guest(&["a=1", "b=2"]).await;
    let end = End { successor: Some((guest(), vec!["a".to_owned()])), ..ending(&record, id) };
    let op = bench.op();
    let first = bench.store.end(op, &end).await.unwrap().unwrap().unwrap();
    assert_eq!(first.fields, [("a", encode_bytes(b"1"))].into_iter().collect());
    assert_eq!(bench.store.end(op, &end).await.unwrap(), Ok(Some(first)));
    assert_eq!(bench.raw::<Vec<Vec<u8>>>("HKEYS", &bench.store.keys.session(id), &[]).len(), 2, "`@` and what is kept");
}

#[tokio::test]
async fn a_revocation_leaves_later_logins_and_other_users() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    let ends = async |latest, owner: &str| {
        let how = EndByKey { reason: EndReason::Revoked, latest, owner: meta::owner(owner), listed: false };
        let mut delivery = bench.store.delivery(bench.op());
        end_by_key(&bench.store, &mut delivery, id, Some("ada"), &how).await.unwrap()
    };
    assert!(!ends(Some(record.meta.since - 1), "ada").await);
    assert!(!ends(None, "bob").await && !ends(None, "").await);
    assert!(bench.is_live(id).await);
    assert!(ends(Some(record.meta.since), "ada").await);
    assert_eq!((bench.reason(id).await, bench.indexed("ada")), (Some(EndReason::Revoked), 0));
}

#[tokio::test]
async fn while_a_slot_moves_a_bucket_is_revoked_one_by_one() {
    let bench = open();
    let (ada, _) = bench.login("ada").await;
    let guest = NewSession { user: None, ..of_user("ada") };
    bench.create(&guest, &[]).await;
    assert_eq!(bench.store.revoke_bucket(ada.bucket(), Who::Guests).await.unwrap(), 1);
    assert!(bench.is_live(ada).await && !bench.is_live(guest.id).await);
    assert_eq!(bench.store.revoke_bucket(ada.bucket(), Who::Everyone).await.unwrap(), 1);
    assert_eq!((bench.reason(ada).await, bench.indexed("ada")), (Some(EndReason::Revoked), 0));
}

#[tokio::test]
async fn a_login_between_the_index_read_and_the_epoch_is_revoked() {
    let bench = open();
    bench.login("ada").await;
    bench.revoke("ada", Scope::All).await.unwrap();
    let epoch = bench.store.ticket("ada").await.unwrap().epoch.unwrap();
    assert!(epoch > bench.store.now(), "a login that the index did not show yet is not later");
    let (later, record) = bench.login("ada").await;
    assert!(record.meta.since > epoch && bench.is_live(later).await);
}
