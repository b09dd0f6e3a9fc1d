//! A save after another server changed the session: the data loaded here is ignored.

use cloakroom::compat::tower_sessions::Store;
use serde_json::json;

use super::line::SessionStore;
use super::line::session::Record;
use super::{guest, naming, stage};
use crate::common::Stage;

/// A session that this server has loaded for a request, and another server.
async fn loaded() -> (Stage, Store, Store, Record) {
    let stage = stage(|with| with).await;
    let (here, there) = (naming(&stage.sessions), naming(&stage.another(|with| with).await));
    let mut one = guest();
    here.create(&mut one).await.expect("there");
    let one = here.load(&one.id).await.expect("there").expect("live");
    (stage, here, there, one)
}

/// Saves it with this further field.
async fn save(store: &Store, one: &Record, name: &str, value: &str) -> Record {
    let mut one = one.clone();
    one.data.insert(name.to_owned(), json!(value));
    store.save(&one).await.expect("there");
    one
}

#[tokio::test]
async fn a_write_elsewhere_is_replaced_as_a_whole() {
    let (_stage, here, there, one) = loaded().await;
    save(&there, &one, "theirs", "1").await;
    let ours = save(&here, &one, "ours", "1").await;
    for store in [here, there] {
        assert_eq!(store.load(&one.id).await.expect("there").as_ref(), Some(&ours));
    }
}

#[tokio::test]
async fn a_save_after_a_logout_writes_nothing() {
    let (stage, here, there, one) = loaded().await;
    there.delete(&one.id).await.expect("there");
    save(&here, &one, "late", "1").await;
    assert_eq!(here.load(&one.id).await.expect("there"), None);
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
}

#[tokio::test]
async fn after_a_login_under_the_same_id_the_users_record_is_written() {
    let (stage, here, there, one) = loaded().await;
    save(&there, &one, "user", "ada").await;
    let late = save(&here, &one, "late", "1").await;
    assert_eq!(there.load(&one.id).await.expect("there"), Some(late));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
    assert_eq!(here.load(&one.id).await.expect("there"), None);
}

#[tokio::test]
async fn a_save_after_a_login_of_another_user_is_a_login_too() {
    let (stage, here, there, one) = loaded().await;
    save(&there, &one, "user", "bob").await;
    let ours = save(&here, &one, "user", "ada").await;
    assert_eq!(there.load(&one.id).await.expect("there"), Some(ours));
    let listed = async |user: &str| stage.sessions.user(user).count().await.expect("there");
    assert_eq!((listed("ada").await, listed("bob").await), (1, 0));
}

#[tokio::test]
async fn a_save_after_a_revocation_does_not_log_in_again() {
    let (stage, here, there, one) = loaded().await;
    save(&there, &one, "user", "ada").await;
    let ada = here.load(&one.id).await.expect("there").expect("live");
    stage.sessions.revoke_user("ada").await.expect("there");
    save(&here, &ada, "late", "1").await;
    assert_eq!(here.load(&one.id).await.expect("there"), None);
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
}
