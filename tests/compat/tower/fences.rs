//! An ended session stays ended, whatever is in flight.

use std::time::Duration;

use cloakroom::compat::tower_sessions::Store;
use serde_json::json;
use tokio::task::JoinSet;

use super::line::SessionStore;
use super::{guest, naming, of, stage};

#[tokio::test]
async fn a_save_of_a_record_loaded_before_a_logout_does_not_revive_it() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    let mut late = store.load(&one.id).await.expect("there").expect("live");
    store.delete(&one.id).await.expect("there");
    late.data.insert("late".to_owned(), json!(1));
    store.save(&late).await.expect("no error: it would only make a 500 of the answer");
    assert_eq!(store.load(&one.id).await.expect("there"), None);
}

#[tokio::test]
async fn a_save_after_the_tombstone_expired_revives_nothing() {
    let stage = stage(|with| with.remember_ended(Duration::from_secs(300))).await;
    let store = Store::new(stage.sessions.clone());
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    store.delete(&one.id).await.expect("there");
    stage.advance(Duration::from_secs(301)).await;
    store.save(&one).await.expect("there");
    assert_eq!(store.load(&one.id).await.expect("there"), None);
}

#[tokio::test]
async fn a_save_after_a_revocation_does_not_log_the_user_in_again() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let (mut made, mut moved) = (of("ada"), guest());
    store.create(&mut made).await.expect("there");
    store.create(&mut moved).await.expect("there");
    moved.data.insert("user".to_owned(), json!("ada"));
    store.save(&moved).await.expect("there");
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 2);
    for late in [&made, &moved] {
        store.save(late).await.expect("there");
        assert_eq!(store.load(&late.id).await.expect("there"), None);
    }
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_concurrent_save_or_login_outlives_a_logout() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    for _ in 0..10 {
        let mut one = guest();
        store.create(&mut one).await.expect("there");
        let mut requests = JoinSet::new();
        for number in 0..8 {
            let (store, mut late) = (store.clone(), one.clone());
            requests.spawn(async move {
                late.data.insert("n".to_owned(), json!(number));
                if number % 2 == 0 {
                    late.data.insert("user".to_owned(), json!("ada"));
                }
                for _ in 0..5 {
                    store.save(&late).await.expect("there");
                }
            });
        }
        tokio::task::yield_now().await;
        store.delete(&one.id).await.expect("there");
        assert_eq!(store.load(&one.id).await.expect("there"), None);
        while let Some(request) = requests.join_next().await {
            request.expect("no panic");
        }
        assert_eq!(store.load(&one.id).await.expect("there"), None);
    }
}
