//! An ended session stays ended, whatever is in flight.

use std::time::Duration as Std;

use actix_session::storage::SessionStore;
use cloakroom::compat::actix_session::Store;

use super::{HALF_AN_HOUR, again, guest, load, naming, of, save, stage};

async fn stored(sessions: &cloakroom::Sessions) -> u64 {
    sessions.active_since(std::time::UNIX_EPOCH).await.expect("there")
}

#[tokio::test]
async fn an_update_after_a_logout_writes_nothing_and_returns_the_same_key() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    let late = load(&store, &key).await.expect("live");
    store.delete(&key).await.expect("there");
    assert_eq!(store.update(again(&key), late, &HALF_AN_HOUR).await.expect("there"), key);
    store.update_ttl(&key, &HALF_AN_HOUR).await.expect("there");
    assert_eq!((load(&store, &key).await, stored(&stage.sessions).await), (None, 0));
}

#[tokio::test]
async fn a_save_after_the_tombstone_expired_revives_nothing() {
    let stage = stage(|with| with.remember_ended(Std::from_secs(300))).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    store.delete(&key).await.expect("there");
    stage.advance(Std::from_secs(301)).await;
    assert_eq!(store.update(again(&key), guest(), &HALF_AN_HOUR).await.expect("there"), key);
    assert_eq!((load(&store, &key).await, stored(&stage.sessions).await), (None, 0));
}

#[tokio::test]
async fn an_update_of_an_expired_session_writes_nothing() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    stage.advance(Std::from_secs(30 * 60 + 1)).await;
    assert_eq!(store.update(again(&key), guest(), &HALF_AN_HOUR).await.expect("there"), key);
    assert_eq!((load(&store, &key).await, stored(&stage.sessions).await), (None, 0));
}

#[tokio::test]
async fn a_login_update_after_a_logout_or_revocation_logs_nobody_in() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let (one, other) = (save(&store, guest()).await, save(&store, of("bob")).await);
    store.delete(&one).await.expect("there");
    stage.sessions.revoke_user("bob").await.expect("there");
    for key in [one, other] {
        assert_eq!(store.update(again(&key), of("ada"), &HALF_AN_HOUR).await.expect("there"), key);
        assert_eq!(load(&store, &key).await, None);
    }
    assert_eq!((stage.sessions.user("ada").count().await.expect("there"), stored(&stage.sessions).await), (0, 0));
}
