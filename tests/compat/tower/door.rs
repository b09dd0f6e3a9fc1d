//! A login under the guest's id is one session: nothing else is left, whatever is dropped or races.

use std::pin::pin;
use std::time::{Duration as Std, UNIX_EPOCH};

use cloakroom::compat::tower_sessions::Store;
use cloakroom::{AsCluster, Builder, Cap};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

use super::line::SessionStore;
use super::line::session::Record;
use super::{Dropped, guest, naming, stage};
use crate::common::{Stage, until};

/// A login in one script, and in the steps that it takes in a Cluster.
const WAYS: [fn(Builder) -> Builder; 2] = [|with| with, AsCluster::across_slots];

async fn opened(settings: impl FnOnce(Builder) -> Builder) -> (Stage, Store, Record) {
    let stage = stage(settings).await;
    let store = naming(&stage.sessions);
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    (stage, store, one)
}

/// The record of this user.
fn named(one: &Record, user: &str) -> Record {
    let mut one = one.clone();
    one.data.insert("user".to_owned(), json!(user));
    one
}

async fn logged_in(store: &Store, one: &Record, user: &str) -> Record {
    let one = named(one, user);
    store.save(&one).await.expect("there");
    one
}

async fn load(store: &Store, one: &Record) -> Option<Record> {
    store.load(&one.id).await.expect("there")
}

/// The number of sessions in all, and of ada's and bob's.
async fn counts(stage: &Stage) -> [u64; 3] {
    let listed = async |user: &str| stage.sessions.user(user).count().await.expect("there");
    [stage.sessions.active_since(UNIX_EPOCH).await.expect("there"), listed("ada").await, listed("bob").await]
}

#[tokio::test]
async fn a_login_under_the_same_id_is_one_session_and_no_guest() {
    for way in WAYS {
        let (stage, store, one) = opened(way).await;
        let ada = logged_in(&store, &one, "ada").await;
        assert_eq!(counts(&stage).await, [1, 1, 0]);
        assert_eq!(stage.sessions.revoke_guests(|_| ()).await.expect("there").ended, 0);
        assert_eq!(load(&store, &one).await, Some(ada));
        store.delete(&one.id).await.expect("there");
        assert_eq!((load(&store, &one).await, counts(&stage).await), (None, [0, 0, 0]));
    }
}

#[tokio::test]
async fn after_any_number_of_logins_under_one_id_the_last_user_is_the_only_one() {
    for way in WAYS {
        let (stage, store, mut one) = opened(way).await;
        for user in ["bob", "carol", "dan", "eve", "fay", "gil", "ada"] {
            one = logged_in(&store, &one, user).await;
            assert_eq!(load(&store, &one).await.as_ref(), Some(&one), "{user}");
        }
        assert_eq!(counts(&stage).await, [1, 1, 0]);
        assert_eq!(stage.sessions.revoke_user("bob").await.expect("there").ended, 0);
        assert_eq!(load(&store, &one).await.as_ref(), Some(&one));
        assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
        assert_eq!(load(&store, &one).await, None);
        store.save(&one).await.expect("traced as too late");
        assert_eq!((load(&store, &one).await, counts(&stage).await), (None, [0, 0, 0]));
    }
}

#[tokio::test]
async fn a_rejecting_cap_of_one_lets_the_user_in_again_after_every_end() {
    for way in WAYS {
        let (stage, store, _) = opened(|with| way(with.cap(Cap::reject(1)))).await;
        for round in 0..3 {
            let mut one = guest();
            store.create(&mut one).await.expect("there");
            logged_in(&store, &one, "bob").await;
            let ada = logged_in(&store, &one, "ada").await;
            assert_eq!(load(&store, &one).await, Some(ada), "{round}");
            assert_eq!(counts(&stage).await[1..], [1, 0]);
            match round {
                0 => store.delete(&one.id).await.expect("there"),
                1 => assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1),
                _ => stage.advance(Std::from_secs(3600)).await,
            }
            assert_eq!(load(&store, &one).await, None, "{round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_logins_under_one_id_list_one_session_whatever_the_cap() {
    for way in WAYS {
        for cap in [Cap::reject(1), Cap::evict(1)] {
            let (stage, store, one) = opened(|with| way(with.cap(cap))).await;
            let mut logins = JoinSet::new();
            for _ in 0..8 {
                let (store, one) = (store.clone(), named(&one, "ada"));
                logins.spawn(async move { store.save(&one).await });
            }
            while let Some(login) = logins.join_next().await {
                login.expect("no panic").expect("a login of the same user under the same id is no second session");
            }
            assert_eq!(load(&store, &one).await, Some(named(&one, "ada")), "{cap:?}");
            assert_eq!(counts(&stage).await, [1, 1, 0], "{cap:?}");
        }
    }
}

#[tokio::test]
async fn a_login_dropped_at_any_poll_leaves_one_session() {
    for way in WAYS {
        let mut was_whole = false;
        for polls in 1..100 {
            let (stage, store, one) = opened(|with| way(with.cap(Cap::reject(1)))).await;
            let ada = named(&one, "ada");
            was_whole = Dropped(pin!(store.save(&ada)), polls).await.is_some();
            // A login that has begun goes on.
            until("the login is done or was not begun", || async {
                let [active, adas, _] = counts(&stage).await;
                active == 1 && adas <= 1
            })
            .await;
            store.save(&ada).await.expect("there");
            assert_eq!((load(&store, &one).await.as_ref(), counts(&stage).await), (Some(&ada), [1, 1, 0]), "{polls}");
            store.delete(&one.id).await.expect("there");
            assert_eq!((load(&store, &one).await, counts(&stage).await), (None, [0, 0, 0]), "{polls}");
            if was_whole {
                break;
            }
        }
        assert!(was_whole);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_races_a_logout_2000_times_leaves_no_session() {
    for way in WAYS {
        let stage = stage(|with| way(with.cap(Cap::reject(1)))).await;
        let store = naming(&stage.sessions);
        for round in 0..1000 {
            let mut one = guest();
            store.create(&mut one).await.expect("there");
            let save = tokio::spawn({
                let (store, ada) = (store.clone(), named(&one, "ada"));
                async move { store.save(&ada).await }
            });
            for _ in 0..round % 8 {
                tokio::task::yield_now().await;
            }
            store.delete(&one.id).await.expect("there");
            assert_eq!(load(&store, &one).await, None, "{round}");
            save.await.expect("no panic").expect("there is room: nobody is left over");
            assert_eq!(load(&store, &one).await, None, "{round}");
        }
        assert_eq!(counts(&stage).await, [0, 0, 0]);
    }
}

#[tokio::test]
async fn a_sliding_expiry_keeps_the_door_as_long_as_the_session() {
    let (stage, store, one) = opened(|with| with).await;
    let mut ada = logged_in(&store, &one, "ada").await;
    for _ in 0..12 {
        stage.advance(Std::from_secs(25 * 60)).await;
        assert!(load(&store, &ada).await.is_some());
        ada.expiry_date = OffsetDateTime::now_utc() + Duration::minutes(30);
        store.save(&ada).await.expect("there");
    }
    stage.advance(Std::from_secs(32 * 60)).await;
    assert_eq!((load(&store, &ada).await, counts(&stage).await), (None, [0, 0, 0]));
}

#[tokio::test]
async fn another_servers_save_reaches_the_new_session() {
    for way in WAYS {
        let (stage, here, one) = opened(way).await;
        let there = naming(&stage.another(|with| with).await);
        assert!(load(&there, &one).await.is_some());
        logged_in(&here, &one, "bob").await;
        let ada = logged_in(&there, &one, "ada").await;
        assert_eq!((load(&here, &one).await.as_ref(), counts(&stage).await), (Some(&ada), [1, 1, 0]));
        there.delete(&one.id).await.expect("there");
        here.save(&ada).await.expect("traced as too late");
        assert_eq!((load(&here, &one).await, counts(&stage).await), (None, [0, 0, 0]));
    }
}
