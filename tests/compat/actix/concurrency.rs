//! An update after another server changed the session: the data loaded here is ignored.

use std::time::Duration as Std;

use actix_session::storage::{SessionKey, SessionStore};
use cloakroom::compat::actix_session::Store;
use time::Duration;

use super::{HALF_AN_HOUR, again, guest, load, naming, of, save, stage, state};
use crate::common::Stage;

/// A session that this server has loaded for a request, and another server.
async fn loaded() -> (Stage, Store, Store, SessionKey) {
    let stage = stage(|with| with).await;
    let (here, there) = (naming(&stage.sessions), naming(&stage.another(|with| with).await));
    let key = save(&here, guest()).await;
    assert!(load(&here, &key).await.is_some());
    (stage, here, there, key)
}

#[tokio::test]
async fn a_write_elsewhere_is_replaced_as_a_whole() {
    let (_stage, here, there, key) = loaded().await;
    there.update(again(&key), state(&[("theirs", "1")]), &HALF_AN_HOUR).await.expect("there");
    here.update(again(&key), state(&[("ours", "1")]), &HALF_AN_HOUR).await.expect("there");
    assert_eq!(load(&there, &key).await, Some(state(&[("ours", "1")])));
}

#[tokio::test]
async fn an_update_after_a_logout_writes_and_extends_nothing() {
    let (stage, here, there, key) = loaded().await;
    let other = save(&here, guest()).await;
    assert!(load(&here, &other).await.is_some());
    for ended in [&key, &other] {
        there.delete(ended).await.expect("there");
    }
    assert_eq!(here.update(again(&key), guest(), &HALF_AN_HOUR).await.expect("there"), key);
    here.update_ttl(&other, &Duration::hours(2)).await.expect("there");
    assert_eq!((load(&here, &key).await, load(&here, &other).await), (None, None));
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
}

#[tokio::test]
async fn after_a_login_elsewhere_the_old_key_writes_nothing() {
    let (stage, here, there, key) = loaded().await;
    let ada = there.update(again(&key), of("ada"), &HALF_AN_HOUR).await.expect("there");
    assert_eq!(here.update(again(&key), guest(), &HALF_AN_HOUR).await.expect("there"), key);
    assert_eq!((load(&here, &key).await, load(&here, &ada).await), (None, Some(of("ada"))));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
}

#[tokio::test]
async fn a_new_ttl_of_a_loaded_state_is_applied_at_once() {
    let (stage, here, _, key) = loaded().await;
    here.update_ttl(&key, &Duration::minutes(5)).await.expect("there");
    stage.advance(Std::from_secs(301)).await;
    assert_eq!(load(&here, &key).await, None);
}
