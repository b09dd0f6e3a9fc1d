//! States that are moved here from actix-session's own Redis store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::storage::{
    LoadError, RedisSessionStore, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::{Cookie, Key};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, Error, web};
use cloakroom::Cap;
use cloakroom::compat::actix_session::Store;
use time::Duration;

use super::{HALF_AN_HOUR, State, again, guest, load, naming, of, save, stage, state};
use crate::common::Stage;
use crate::common::server::Server;

/// A store like actix-session's own, which can be made to fail and counts its loads.
#[derive(Clone, Default)]
struct Before {
    states: Arc<Mutex<HashMap<String, State>>>,
    loads: Arc<AtomicUsize>,
    loads_fail: Arc<AtomicBool>,
    deletes_fail: Arc<AtomicBool>,
}

impl Before {
    fn put(&self, key: &SessionKey, state: State) {
        self.states.lock().expect("no panic").insert(key.as_ref().to_owned(), state);
    }

    fn has(&self, key: &SessionKey) -> bool {
        self.states.lock().expect("no panic").contains_key(key.as_ref())
    }

    fn with(&self, state: State) -> SessionKey {
        let key = generate_session_key();
        self.put(&key, state);
        key
    }
}

fn failing(fails: &AtomicBool) -> Result<(), anyhow::Error> {
    if fails.load(Ordering::Relaxed) { Err(anyhow::anyhow!("the former store is away")) } else { Ok(()) }
}

impl SessionStore for Before {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        failing(&self.loads_fail).map_err(LoadError::Deserialization)?;
        tokio::task::yield_now().await;
        Ok(self.states.lock().expect("no panic").get(key.as_ref()).cloned())
    }

    async fn save(&self, state: State, _: &Duration) -> Result<SessionKey, SaveError> {
        Ok(self.with(state))
    }

    async fn update(&self, key: SessionKey, state: State, _: &Duration) -> Result<SessionKey, UpdateError> {
        self.put(&key, state);
        Ok(key)
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        failing(&self.deletes_fail)?;
        tokio::task::yield_now().await;
        self.states.lock().expect("no panic").remove(key.as_ref());
        Ok(())
    }
}

/// A store that moves from the other, with this state in the other.
fn before(stage: &Stage, state: State) -> (Store, Before, SessionKey) {
    let before = Before::default();
    let key = before.with(state);
    (naming(&stage.sessions).moving_from(before.clone()), before, key)
}

async fn listed(stage: &Stage, user: &str) -> u64 {
    stage.sessions.user(user).count().await.expect("there")
}

#[tokio::test]
async fn a_state_is_read_from_the_former_store_once_moved_and_deleted_there() {
    let stage = stage(|with| with).await;
    for one in [guest(), of("ada")] {
        let (store, before, key) = before(&stage, one.clone());
        assert_eq!(load(&store, &key).await, Some(one.clone()));
        assert!(!before.has(&key));
        let loads = before.loads.load(Ordering::Relaxed);
        let after: State = one.into_iter().chain([("n".to_owned(), "1".to_owned())]).collect();
        assert_eq!(store.update(again(&key), after.clone(), &HALF_AN_HOUR).await.expect("there"), key);
        store.update_ttl(&key, &Duration::hours(1)).await.expect("there");
        assert_eq!(load(&store, &key).await, Some(after.clone()));
        assert_eq!(before.loads.load(Ordering::Relaxed), loads, "what is known here is not looked for there");
        assert_eq!(load(&naming(&stage.sessions).moved(), &key).await, Some(after), "without the former store too");
        assert_eq!(load(&naming(&stage.sessions), &key).await, None, "without I/O");
    }
    assert_eq!(listed(&stage, "ada").await, 1);
    assert!(stage.keys().await.iter().all(|key| key.len() < 120));
}

#[tokio::test]
async fn a_moved_login_is_revoked_with_its_user_and_is_never_moved_again() {
    let stage = stage(|with| with).await;
    let (store, before, key) = before(&stage, of("ada"));
    assert!(load(&store, &key).await.is_some());
    before.put(&key, of("ada"));
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
    assert_eq!(load(&store, &key).await, None);
    assert_eq!(store.update(again(&key), of("ada"), &HALF_AN_HOUR).await.expect("there"), key);
    assert_eq!((load(&store, &key).await, listed(&stage, "ada").await), (None, 0));
}

#[tokio::test]
async fn a_logout_deletes_in_both_stores_and_later_writes_are_not_moved() {
    for is_moved in [true, false] {
        let stage = stage(|with| with).await;
        let (store, before, key) = before(&stage, of("ada"));
        if is_moved {
            assert!(load(&store, &key).await.is_some());
            before.put(&key, of("ada"));
        }
        store.delete(&key).await.expect("both are there");
        assert!(!before.has(&key));
        before.put(&key, of("ada"));
        assert_eq!(load(&store, &key).await, None);
        assert!(!before.has(&key), "it is deleted where it was written again");
        assert_eq!(listed(&stage, "ada").await, 0);
    }
}

#[tokio::test]
async fn a_login_or_logout_of_a_moved_session_continues_under_our_key() {
    let stage = stage(|with| with).await;
    let (store, _, key) = before(&stage, guest());
    let ada = store.update(again(&key), of("ada"), &HALF_AN_HOUR).await.expect("there");
    assert_ne!(ada, key);
    assert_eq!((load(&store, &key).await, load(&store, &ada).await), (None, Some(of("ada"))));
    let (store, _, key) = before(&stage, of("bob"));
    let after = store.update(again(&key), guest(), &HALF_AN_HOUR).await.expect("there");
    assert_eq!((load(&store, &key).await, load(&store, &after).await), (None, Some(guest())));
    assert_eq!((listed(&stage, "ada").await, listed(&stage, "bob").await), (1, 0));
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 2);
}

#[tokio::test]
async fn a_key_unknown_to_both_stores_finds_no_session() {
    let stage = stage(|with| with).await;
    let (store, _, _) = before(&stage, guest());
    let key = generate_session_key();
    assert_eq!(load(&store, &key).await, None);
    let new = store.update(again(&key), guest(), &HALF_AN_HOUR).await.expect("there");
    assert_ne!(new, key);
    assert_eq!((load(&store, &key).await, load(&store, &new).await), (None, Some(guest())));
    store.delete(&key).await.expect("nothing to do");
}

#[tokio::test]
async fn an_error_of_the_former_store_is_never_no_session() {
    let stage = stage(|with| with).await;
    let (store, before, key) = before(&stage, of("ada"));
    before.loads_fail.store(true, Ordering::Relaxed);
    assert!(matches!(store.load(&key).await, Err(LoadError::Other(_))), "an unreadable one would be an empty session");
    assert!(store.update(again(&key), guest(), &HALF_AN_HOUR).await.is_err());
    assert!(store.update_ttl(&key, &HALF_AN_HOUR).await.is_err() && store.delete(&key).await.is_err());
    before.loads_fail.store(false, Ordering::Relaxed);
    before.deletes_fail.store(true, Ordering::Relaxed);
    assert!(store.load(&key).await.is_err());
    before.deletes_fail.store(false, Ordering::Relaxed);
    assert_eq!(load(&store, &key).await, Some(of("ada")));
    assert!(!before.has(&key), "the next load deletes what could not be deleted");
    assert_eq!(listed(&stage, "ada").await, 1);
}

#[tokio::test]
async fn requests_that_miss_at_once_move_it_once() {
    for cap in [Cap::default(), Cap::reject(1), Cap::evict(1)] {
        let stage = stage(|with| with.cap(cap)).await;
        let (store, before, key) = before(&stage, of("ada"));
        let (one, two, three) = tokio::join!(load(&store, &key), load(&store, &key), load(&store, &key));
        assert_eq!([one, two, three], [(); 3].map(|()| Some(of("ada"))), "{cap:?}");
        assert!(!before.has(&key));
        assert_eq!(load(&store, &key).await, Some(of("ada")), "{cap:?}");
        assert_eq!(listed(&stage, "ada").await, 1);
    }
}

#[tokio::test]
async fn a_moved_state_lives_for_a_day_by_default() {
    let stage = stage(|with| with).await;
    let before = Before::default();
    let keys = [(); 3].map(|()| before.with(guest()));
    let store = naming(&stage.sessions).moving_from(before);
    let short = store.clone().moved_ttl(HALF_AN_HOUR);
    let [day, half_an_hour, week] = keys;
    assert!(load(&store, &day).await.is_some() && load(&short, &half_an_hour).await.is_some());
    store.update_ttl(&week, &Duration::weeks(1)).await.expect("there");
    stage.advance(std::time::Duration::from_secs(31 * 60 + 1)).await;
    assert_eq!((load(&store, &day).await, load(&store, &half_an_hour).await), (Some(guest()), None));
    stage.advance(std::time::Duration::from_secs(86_400)).await;
    assert_eq!((load(&store, &day).await, load(&store, &week).await), (None, Some(guest())));
}

async fn who(session: Session) -> Result<String, Error> {
    Ok(session.get::<String>("user")?.unwrap_or_default())
}

async fn login(session: Session) -> Result<&'static str, Error> {
    session.insert("user", "ada")?;
    session.renew();
    Ok("in")
}

async fn logout(session: Session) -> &'static str {
    session.purge();
    "out"
}

/// Sends a request to a server on this store; the body and the cookie that was set.
async fn send(
    store: impl SessionStore + Clone + 'static,
    path: &str,
    cookie: Option<&Cookie<'static>>,
) -> (String, Option<Cookie<'static>>) {
    let middleware = SessionMiddleware::builder(store, Key::from(&[7; 64]))
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(PersistentSession::default().session_ttl(HALF_AN_HOUR))
        .build();
    let app = App::new().wrap(middleware).route("/who", web::get().to(who)).route("/login", web::get().to(login));
    let service = init_service(app.route("/logout", web::get().to(logout))).await;
    let request = TestRequest::with_uri(path);
    let request = cookie.into_iter().fold(request, |request, cookie| request.cookie(cookie.clone()));
    let response = call_service(&service, request.to_request()).await;
    let set = response.response().cookies().next().map(Cookie::into_owned);
    (String::from_utf8(read_body(response).await.to_vec()).expect("text"), set)
}

#[tokio::test]
async fn servers_on_actix_sessions_store_and_on_ours_serve_concurrently() {
    let server = Server::start(&[]);
    let old = RedisSessionStore::new(format!("unix://{}", server.socket().display())).await.expect("a server");
    let stage = stage(|with| with).await;
    let new = naming(&stage.sessions).moving_from(old.clone());
    let cookie = send(old.clone(), "/login", None).await.1.expect("set");
    assert_eq!(server.ask::<usize>(&["DBSIZE"]), 1);
    for _ in 0..2 {
        assert_eq!(send(new.clone(), "/who", Some(&cookie)).await, ("ada".to_owned(), None), "under the same cookie");
    }
    assert_eq!(server.ask::<usize>(&["DBSIZE"]), 0);
    assert_eq!(listed(&stage, "ada").await, 1);
    // The old server does not find it any more, and leaves the cookie alone.
    assert_eq!(send(old.clone(), "/who", Some(&cookie)).await, (String::new(), None));
    assert_eq!(send(new.clone(), "/who", Some(&cookie)).await.0, "ada");
    send(new.clone(), "/logout", Some(&cookie)).await;
    assert_eq!(send(new.clone(), "/who", Some(&cookie)).await.0, "");
    let other = send(old.clone(), "/login", None).await.1.expect("set");
    send(new.clone(), "/logout", Some(&other)).await;
    assert_eq!(send(old, "/who", Some(&other)).await.0, "");
    let key = save(&new, state(&[("user", r#""ada""#)])).await;
    assert!(load(&new, &key).await.is_some(), "a session of the new version");
}
