//! The same for the drop-in stores: the secrets of their clients are nowhere in Redis or in the commands sent to it.

use actix_session::storage::{SessionKey, SessionStore as _};
use cloakroom::compat::{actix_session::Store as ActixStore, tower_sessions::Store as TowerStore};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::{MemoryStore, SessionStore as _};

use super::*;

/// Every encoding in which the bytes could appear.
fn spellings(bytes: &[u8], base64: &str) -> Vec<Vec<u8>> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let turned: Vec<u8> = bytes.iter().rev().copied().collect();
    let turned_hex: String = turned.iter().map(|byte| format!("{byte:02x}")).collect();
    let texts = [hex.to_uppercase(), turned_hex.to_uppercase(), hex, turned_hex, base64.to_owned()];
    let mut all: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    all.extend([quoted(bytes), quoted(&turned), bytes.to_vec(), turned]);
    all
}

/// Calls every method of tower-sessions' trait; returns the ids.
async fn tower(sessions: &Sessions) -> Vec<Id> {
    let store = TowerStore::new(sessions.clone()).user(|state| Some(state.get("user")?.as_str()?.to_owned()));
    let expiry_date = OffsetDateTime::now_utc() + Duration::minutes(5);
    let mut record = Record { id: Id::default(), data: [("cart".to_owned(), json!("hat"))].into(), expiry_date };
    let mut ids = Vec::new();
    for user in [None, Some("ada")] {
        record.id = Id::default();
        record.data.extend(user.map(|user| ("user".to_owned(), json!(user))));
        store.create(&mut record).await.expect("there");
        ids.push(record.id);
    }
    let mut moved = Record { id: Id::default(), data: [("cart".to_owned(), json!("hat"))].into(), expiry_date };
    store.create(&mut moved).await.expect("there");
    ids.push(moved.id);
    moved.data.insert("user".to_owned(), json!("bob"));
    moved.expiry_date += Duration::minutes(5);
    store.save(&moved).await.expect("there");
    moved.data.insert("user".to_owned(), json!("eve"));
    store.save(&moved).await.expect("there");
    assert!(store.load(&moved.id).await.expect("there").is_some());
    let before = MemoryStore::default();
    let store = store.moving_from(before.clone());
    for user in [None, Some("dan")] {
        let mut old = Record { id: Id::default(), data: [("cart".to_owned(), json!("hat"))].into(), expiry_date };
        old.data.extend(user.map(|user| ("user".to_owned(), json!(user))));
        before.create(&mut old).await.expect("in memory");
        assert!(store.load(&old.id).await.expect("there").is_some());
        ids.push(old.id);
    }
    tracing::info!(?store, "seen");
    store.delete(&record.id).await.expect("there");
    store.save(&record).await.expect("traced as too late");
    ids
}

/// Calls every method of actix-session's trait; returns the keys.
#[allow(clippy::future_not_send)] // actix serves a request on one thread
async fn actix(sessions: &Sessions) -> Vec<String> {
    let store = ActixStore::new(sessions.clone()).user(|state| state.get("user").cloned());
    let ttl = Duration::minutes(5);
    let state = |user: Option<&str>| {
        let user = user.map(|user| ("user".to_owned(), user.to_owned()));
        user.into_iter().chain([("cart".to_owned(), "hat".to_owned())]).collect()
    };
    let again = |key: &SessionKey| SessionKey::try_from(key.as_ref().to_owned()).expect("a key");
    let guest = store.save(state(None), &ttl).await.expect("there");
    let user = store.update(again(&guest), state(Some("cyd")), &ttl).await.expect("there");
    store.update_ttl(&user, &Duration::minutes(9)).await.expect("there");
    let after = store.update(again(&user), state(None), &ttl).await.expect("there");
    assert!(store.load(&after).await.expect("there").is_some());
    store.delete(&after).await.expect("there");
    store.update(again(&after), state(None), &ttl).await.expect("traced as too late");
    tracing::info!(?store, "seen");
    [guest, user, after].map(String::from).into()
}

#[tokio::test]
async fn no_secret_of_a_drop_in_store_reaches_redis_or_our_log() {
    let server = Server::start(&["--rdbcompression", "no"]);
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _traced = tracing::subscriber::set_default(subscriber);
    let mut monitor = monitor(&server);
    let path = server.socket().with_file_name("monitor");
    until("MONITOR is on", || async { fs::metadata(&path).is_ok_and(|file| file.len() > 0) }).await;

    let sessions = Sessions::builder(server.url()).namespace("r2").connect().await.expect("a server");
    let (ids, keys) = (tower(&sessions).await, actix(&sessions).await);
    let mut redis = server.connection().await;
    let places = [
        ("MONITOR", read_until_quiet(&path).await),
        ("DUMP", dump(&server, &mut redis).await),
        ("our log", log.0.lock().expect("no panic").clone()),
    ];
    let _ = monitor.kill();
    let _ = monitor.wait();
    let of_ids = ids.iter().flat_map(|id| {
        let bytes = id.0.to_le_bytes();
        // A part of it too: our session ids have their version and bucket in the middle.
        let part = Base64UrlUnpadded::encode_string(&bytes[9..]);
        [spellings(&bytes, &id.to_string()), spellings(&bytes[9..], &part)].concat()
    });
    let of_keys = keys.iter().flat_map(|key| forms(key));
    for form in of_ids.chain(of_keys) {
        for (place, content) in &places {
            assert!(!contains(content, &form), "a secret in {place}");
        }
    }
    assert!(contains(&places[0].1, b"--[[\\nlead: "), "the script that only these stores call");
    assert!(contains(&places[0].1, b"cart") && contains(&places[1].1, b"cart"), "the search looks at the right things");
    assert!(contains(&places[2].1, b"write to an ended session discarded"), "and so does this");
}
