//! Records that are moved here from tower-sessions' own store.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration as Std;

use async_trait::async_trait;
use cloakroom::compat::tower_sessions::Store;
use cloakroom::{Cap, Sessions};
use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;

use super::line::session::{Id, Record};
use super::line::session_store::{Error, Result as Stored};
use super::line::{MemoryStore, SessionStore};
use super::{Dropped, guest, moving, naming, of, record, stage};
use crate::common::Stage;

/// tower-sessions' store, which can be made to fail and counts its loads.
#[derive(Debug, Clone, Default)]
struct Before {
    store: MemoryStore,
    loads: Arc<AtomicUsize>,
    loads_fail: Arc<AtomicBool>,
    deletes_fail: Arc<AtomicBool>,
}

fn failing(fails: &AtomicBool) -> Stored<()> {
    if fails.load(Ordering::Relaxed) { Err(Error::Backend("the former store is away".to_owned())) } else { Ok(()) }
}

#[async_trait]
impl SessionStore for Before {
    async fn create(&self, record: &mut Record) -> Stored<()> {
        self.store.create(record).await
    }

    async fn save(&self, record: &Record) -> Stored<()> {
        self.store.save(record).await
    }

    async fn load(&self, id: &Id) -> Stored<Option<Record>> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        failing(&self.loads_fail)?;
        tokio::task::yield_now().await;
        self.store.load(id).await
    }

    async fn delete(&self, id: &Id) -> Stored<()> {
        failing(&self.deletes_fail)?;
        tokio::task::yield_now().await;
        self.store.delete(id).await
    }
}

impl Before {
    async fn has(&self, id: &Id) -> bool {
        self.store.load(id).await.expect("in memory").is_some()
    }

    async fn with(&self, mut record: Record) -> Record {
        self.store.create(&mut record).await.expect("in memory");
        record
    }
}

/// A store that moves from the other, with this record in the other.
async fn before(stage: &Stage, one: Record) -> (Store, Before, Record) {
    let before = Before::default();
    let one = before.with(one).await;
    (moving(naming(&stage.sessions), before.clone()), before, one)
}

async fn load(store: &Store, one: &Record) -> Option<Record> {
    store.load(&one.id).await.expect("both stores are there")
}

async fn listed(sessions: &Sessions, user: &str) -> u64 {
    sessions.user(user).count().await.expect("there")
}

#[tokio::test]
async fn a_record_is_read_from_the_former_store_once_moved_and_deleted_there() {
    let stage = stage(|with| with).await;
    for one in [guest(), of("ada")] {
        let (store, before, mut one) = before(&stage, one).await;
        assert_eq!(load(&store, &one).await.as_ref(), Some(&one));
        assert!(!before.has(&one.id).await);
        let loads = before.loads.load(Ordering::Relaxed);
        one.data.insert("n".to_owned(), json!(1));
        store.save(&one).await.expect("there");
        assert_eq!(load(&store, &one).await.as_ref(), Some(&one));
        assert_eq!(before.loads.load(Ordering::Relaxed), loads, "what is known here is not looked for there");
        let without = naming(&stage.sessions);
        assert_eq!(load(&without, &one).await, Some(one), "it opens without the former store too");
    }
    assert_eq!(listed(&stage.sessions, "ada").await, 1);
}

#[tokio::test]
async fn a_moved_login_is_revoked_with_its_user_and_is_never_moved_again() {
    let stage = stage(|with| with).await;
    let (store, before, one) = before(&stage, of("ada")).await;
    assert!(load(&store, &one).await.is_some());
    // A request in flight on a server of the previous version.
    before.store.save(&one).await.expect("in memory");
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
    assert_eq!(load(&store, &one).await, None);
    if !stage.keys().await.is_empty() {
        assert!(stage.keys().await.iter().all(|key| !key.contains(&one.id.to_string())));
    }
}

#[tokio::test]
async fn a_logout_deletes_in_both_stores_and_later_writes_are_not_moved() {
    for is_moved in [true, false] {
        let stage = stage(|with| with).await;
        let (store, before, one) = before(&stage, of("ada")).await;
        if is_moved {
            assert!(load(&store, &one).await.is_some());
            before.store.save(&one).await.expect("in memory");
        }
        store.delete(&one.id).await.expect("both are there");
        assert!(!before.has(&one.id).await);
        before.store.save(&one).await.expect("in memory");
        assert_eq!(load(&store, &one).await, None);
        assert!(!before.has(&one.id).await, "it is deleted where it was written again");
        assert_eq!(listed(&stage.sessions, "ada").await, 0);
    }
}

#[tokio::test]
async fn a_save_of_a_record_that_was_not_loaded_moves_it_first() {
    let stage = stage(|with| with).await;
    let (store, before, mut one) = before(&stage, guest()).await;
    one.data = [("other".to_owned(), json!(1))].into();
    store.save(&one).await.expect("there");
    assert!(!before.has(&one.id).await);
    assert_eq!(load(&store, &one).await, Some(one));
}

#[tokio::test]
async fn a_moved_record_ends_at_its_expiry_date() {
    let stage = stage(|with| with).await;
    let (store, _, one) = before(&stage, record(json!({ "a": 1 }), Duration::minutes(10))).await;
    assert!(load(&store, &one).await.is_some());
    stage.advance(Std::from_secs(9 * 60)).await;
    assert!(load(&store, &one).await.is_some());
    stage.advance(Std::from_secs(122)).await;
    assert_eq!(load(&store, &one).await, None);
}

#[tokio::test]
async fn an_error_of_the_former_store_is_never_no_session() {
    let stage = stage(|with| with).await;
    let (store, before, mut one) = before(&stage, of("ada")).await;
    before.loads_fail.store(true, Ordering::Relaxed);
    for error in [
        store.load(&one.id).await.expect_err("away"),
        store.delete(&one.id).await.expect_err("away"),
        store.save(&one).await.expect_err("away"),
    ] {
        assert!(matches!(&error, Error::Backend(text) if text.contains("the former store is away")), "{error:?}");
    }
    before.loads_fail.store(false, Ordering::Relaxed);
    before.deletes_fail.store(true, Ordering::Relaxed);
    assert!(store.load(&one.id).await.is_err());
    before.deletes_fail.store(false, Ordering::Relaxed);
    assert_eq!(load(&store, &one).await.as_ref(), Some(&one));
    assert!(!before.has(&one.id).await, "the next load deletes what could not be deleted");
    one.data.insert("n".to_owned(), json!(1));
    store.save(&one).await.expect("there");
    assert_eq!((load(&store, &one).await, listed(&stage.sessions, "ada").await), (Some(one), 1));
}

#[tokio::test]
async fn a_record_with_an_unreadable_user_is_an_error_and_is_not_moved() {
    let stage = stage(|with| with).await;
    let before = Before::default();
    let store = moving(Store::new(stage.sessions.clone()).axum_login::<i64>(), before.clone());
    let data = json!({ "axum-login.data": { "user_id": "ada", "auth_hash": [1] } });
    let one = before.with(record(data, Duration::minutes(5))).await;
    for _ in 0..2 {
        assert!(matches!(store.load(&one.id).await, Err(Error::Backend(_))));
        assert!(before.has(&one.id).await);
    }
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
    store.delete(&one.id).await.expect("who logs out need not be known");
    assert!(!before.has(&one.id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_miss_at_once_move_it_once() {
    for cap in [Cap::default(), Cap::reject(1), Cap::evict(1)] {
        let stage = stage(|with| with.cap(cap)).await;
        for one in [guest(), of("ada")] {
            let (store, before, one) = before(&stage, one).await;
            let mut loads = JoinSet::new();
            for _ in 0..8 {
                let (store, id) = (store.clone(), one.id);
                loads.spawn(async move { store.load(&id).await.expect("both are there") });
            }
            while let Some(found) = loads.join_next().await {
                assert_eq!(found.expect("no panic").as_ref(), Some(&one), "{cap:?}");
            }
            assert!(!before.has(&one.id).await);
            assert_eq!(load(&store, &one).await.as_ref(), Some(&one), "{cap:?}");
        }
        assert_eq!(listed(&stage.sessions, "ada").await, 1);
    }
}

#[tokio::test]
async fn a_session_above_a_cap_that_rejects_is_moved_when_there_is_room() {
    let stage = stage(|with| with.cap(Cap::reject(1))).await;
    let (store, before, one) = before(&stage, of("ada")).await;
    let other = before.with(of("ada")).await;
    assert!(load(&store, &one).await.is_some());
    assert_eq!(load(&store, &other).await, None);
    store.delete(&one.id).await.expect("there");
    assert_eq!(load(&store, &other).await, Some(other));
}

#[tokio::test]
async fn a_move_that_is_dropped_at_any_poll_is_finished_by_the_next_load() {
    for user in [None, Some("ada")] {
        let mut was_whole = false;
        for polls in 1..200 {
            let stage = stage(|with| with).await;
            let (store, before, one) = before(&stage, user.map_or_else(guest, of)).await;
            let cut_off = Dropped(pin!(store.load(&one.id)), polls).await;
            assert_eq!(load(&store, &one).await.as_ref(), Some(&one), "{polls}");
            assert!(!before.has(&one.id).await, "{polls}");
            assert_eq!(listed(&stage.sessions, "ada").await, u64::from(user.is_some()), "{polls}");
            if cut_off.is_some() {
                was_whole = true;
                break;
            }
        }
        assert!(was_whole);
    }
}
