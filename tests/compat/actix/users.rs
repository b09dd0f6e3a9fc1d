//! A store that names users: their index, cap and revocation.

use actix_session::storage::{SaveError, SessionStore};
use cloakroom::{Cap, Sessions};

use super::{HALF_AN_HOUR, again, guest, load, naming, of, save, stage};

async fn listed(sessions: &Sessions, user: &str) -> u64 {
    sessions.user(user).count().await.expect("there")
}

#[tokio::test]
async fn a_state_that_names_a_user_is_listed_and_revoked_as_theirs() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let (ada, bob) = (save(&store, of("ada")).await, save(&store, of("bob")).await);
    assert_eq!(listed(&stage.sessions, "ada").await, 1);
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
    assert_eq!((load(&store, &ada).await, load(&store, &bob).await), (None, Some(of("bob"))));
}

#[tokio::test]
async fn a_login_in_an_update_gets_a_new_key_and_the_old_one_ends() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let old = save(&store, guest()).await;
    let new = store.update(again(&old), of("ada"), &HALF_AN_HOUR).await.expect("there");
    assert_ne!(new, old);
    assert_eq!((load(&store, &old).await, load(&store, &new).await), (None, Some(of("ada"))));
    assert_eq!(listed(&stage.sessions, "ada").await, 1);
    let same = store.update(again(&new), of("ada"), &HALF_AN_HOUR).await.expect("there");
    assert_eq!(same, new, "a second write is no second login");
}

#[tokio::test]
async fn another_user_in_an_update_takes_the_place_of_the_first() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let ada = save(&store, of("ada")).await;
    let bob = store.update(again(&ada), of("bob"), &HALF_AN_HOUR).await.expect("there");
    assert_eq!((listed(&stage.sessions, "ada").await, listed(&stage.sessions, "bob").await), (0, 1));
    assert_eq!((load(&store, &ada).await, load(&store, &bob).await), (None, Some(of("bob"))));
}

#[tokio::test]
async fn a_state_that_names_nobody_any_more_goes_on_as_a_guests_under_a_new_key() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let ada = save(&store, of("ada")).await;
    let after = store.update(again(&ada), guest(), &HALF_AN_HOUR).await.expect("there");
    assert_eq!((load(&store, &ada).await, load(&store, &after).await), (None, Some(guest())));
    assert_eq!(listed(&stage.sessions, "ada").await, 0);
    stage.sessions.revoke_user("ada").await.expect("there");
    assert_eq!(load(&store, &after).await, Some(guest()));
}

#[tokio::test]
async fn at_the_cap_the_earliest_login_makes_room() {
    let stage = stage(|with| with.cap(Cap::evict(1))).await;
    let store = naming(&stage.sessions);
    let (first, second) = (save(&store, of("ada")).await, save(&store, of("ada")).await);
    assert_eq!((load(&store, &first).await, load(&store, &second).await), (None, Some(of("ada"))));
}

#[tokio::test]
async fn a_cap_that_rejects_makes_the_login_an_error_that_says_so() {
    let stage = stage(|with| with.cap(Cap::reject(1))).await;
    let store = naming(&stage.sessions);
    save(&store, of("ada")).await;
    let guest_key = save(&store, guest()).await;
    let refused = store.save(of("ada"), &HALF_AN_HOUR).await;
    assert!(matches!(&refused, Err(SaveError::Other(why)) if why.to_string().contains("cap")), "{refused:?}");
    assert!(store.update(again(&guest_key), of("ada"), &HALF_AN_HOUR).await.is_err());
    assert_eq!(load(&store, &guest_key).await, Some(guest()), "a login that is refused ends nothing");
}
