//! The number of calls to Redis per request of a drop-in application, once its session exists.

use std::sync::Arc;
use std::time::{Duration as Std, SystemTime};

use actix_session::storage::{SessionKey, SessionStore as _};
use cloakroom::compat::{actix_session::Store as ActixStore, tower_sessions::Store as TowerStore};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore as _;
use tower_sessions::session::{Id, Record};

use crate::common::recorder::Recorder;
use crate::common::server::Server;
use crate::common::{Stage, redis_stage_on, until};

const HALF_AN_HOUR: Duration = Duration::minutes(30);

/// The calls sent to a server that nobody else uses.
struct Watch {
    stage: Stage,
    server: Arc<Server>,
    recorder: Recorder,
    seen: (usize, u64),
}

impl Watch {
    async fn new() -> Self {
        let server = Arc::new(Server::start(&[]));
        let settings = |with: cloakroom::Builder| with.connections(1).budget(Std::from_secs(30));
        let stage = redis_stage_on(Arc::clone(&server), settings).await;
        let recorder = Recorder::start(&server, &stage.namespace).await;
        Self { stage, server, recorder, seen: (0, 0) }
    }

    /// The loads and the scripts since the last call. A script that makes a session reads it too.
    async fn trips(&mut self) -> (u64, Vec<String>) {
        let stats: String = self.server.ask(&["INFO", "commandstats"]);
        let loads = stats.lines().find_map(|line| line.strip_prefix("cmdstat_hgetall:calls=")?.split(',').next());
        let loads = loads.map_or(0, |calls| calls.parse().expect("a count"));
        let scripts = self.recorder.calls().await.iter().map(|call| call.script.clone()).collect::<Vec<_>>();
        let (before, loads_before) = std::mem::replace(&mut self.seen, (scripts.len(), loads));
        (loads - loads_before, scripts[before..].to_vec())
    }
}

fn half_an_hour() -> OffsetDateTime {
    OffsetDateTime::now_utc() + HALF_AN_HOUR
}

/// A request of tower-sessions' middleware that writes.
async fn request(store: &TowerStore, id: Id, name: &str, value: &str) {
    let mut one = store.load(&id).await.expect("there").expect("live");
    one.data.insert(name.to_owned(), json!(value));
    one.expiry_date = half_an_hour();
    store.save(&one).await.expect("there");
}

fn scripts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn tower(watch: &mut Watch) -> (TowerStore, Id) {
    let store = TowerStore::new(watch.stage.sessions.clone());
    let store = store.user(|state| Some(state.get("user")?.as_str()?.to_owned()));
    let mut one = Record { id: Id::default(), data: [("a".to_owned(), json!(1))].into(), expiry_date: half_an_hour() };
    store.create(&mut one).await.expect("there");
    watch.stage.advance(Std::from_secs(1)).await;
    // Its expiry is extended for the first time.
    request(&store, one.id, "a", "2").await;
    watch.trips().await;
    (store, one.id)
}

#[tokio::test]
async fn a_writing_request_makes_two_calls_as_with_tower_sessions_own_store() {
    let mut watch = Watch::new().await;
    let (store, id) = tower(&mut watch).await;
    for number in 0..3 {
        request(&store, id, "a", &format!("of request {number}")).await;
        assert_eq!(watch.trips().await, (1, scripts(&["swap"])));
    }
}

#[tokio::test]
async fn once_per_touch_interval_a_request_also_extends_the_expiry() {
    let mut watch = Watch::new().await;
    let (store, id) = tower(&mut watch).await;
    watch.stage.advance(Std::from_secs(50)).await;
    request(&store, id, "a", "3").await;
    assert_eq!(watch.trips().await, (1, scripts(&["swap"])));
    watch.stage.advance(Std::from_secs(9)).await;
    request(&store, id, "a", "4").await;
    assert_eq!(watch.trips().await, (1, scripts(&["swap"])));
    watch.stage.advance(Std::from_secs(2)).await;
    let one = store.load(&id).await.expect("there").expect("live");
    // A touch may run concurrently: the write is compared with what the extension returns.
    let (sessions, just_now) = (watch.stage.sessions.clone(), SystemTime::now() - Std::from_secs(30));
    until("the use is noted", || async { sessions.active_since(just_now).await.expect("there") > 0 }).await;
    store.save(&Record { expiry_date: half_an_hour(), ..one }).await.expect("there");
    assert_eq!(watch.trips().await, (1, scripts(&["touch", "retime", "swap"])));
}

#[tokio::test]
async fn a_save_of_a_record_not_loaded_here_loads_it() {
    let mut watch = Watch::new().await;
    let (store, id) = tower(&mut watch).await;
    let one = store.load(&id).await.expect("there").expect("live");
    let elsewhere = store.clone();
    let fresh = TowerStore::new(watch.stage.sessions.clone());
    for _ in 0..2 {
        fresh.save(&Record { expiry_date: half_an_hour(), ..one.clone() }).await.expect("there");
    }
    assert_eq!(watch.trips().await, (3, scripts(&["swap", "swap"])));
    // The first store has not seen those.
    elsewhere.save(&Record { expiry_date: half_an_hour(), ..one }).await.expect("there");
    assert_eq!(watch.trips().await, (1, scripts(&["swap", "save", "swap"])));
}

#[tokio::test]
async fn a_record_behind_a_door_takes_one_more_load() {
    let mut watch = Watch::new().await;
    let (store, id) = tower(&mut watch).await;
    request(&store, id, "user", "ada").await;
    request(&store, id, "a", "3").await;
    watch.trips().await;
    request(&store, id, "a", "4").await;
    assert_eq!(watch.trips().await, (2, scripts(&["swap"])));
}

#[tokio::test]
async fn an_actix_request_makes_two_calls_and_extends_only_when_due() {
    let mut watch = Watch::new().await;
    let store = ActixStore::new(watch.stage.sessions.clone());
    let key = store.save([("a".to_owned(), "1".to_owned())].into(), &HALF_AN_HOUR).await.expect("there");
    let again = || SessionKey::try_from(key.as_ref().to_owned()).expect("a key");
    watch.stage.advance(Std::from_secs(1)).await;
    store.update_ttl(&key, &HALF_AN_HOUR).await.expect("there");
    watch.trips().await;
    for _ in 0..3 {
        let state = store.load(&key).await.expect("there").expect("live");
        store.update(again(), state, &HALF_AN_HOUR).await.expect("there");
        assert_eq!(watch.trips().await, (1, scripts(&["swap"])));
    }
    for _ in 0..3 {
        assert!(store.load(&key).await.expect("there").is_some());
        store.update_ttl(&key, &HALF_AN_HOUR).await.expect("there");
        assert_eq!(watch.trips().await, (1, scripts(&[])));
    }
}
