//! Every operation of the store, called through the public API.

use std::time::Duration;

use cloakroom::compat::tower_sessions::Store;
use cloakroom::{ClientInfo, Login, Session, Timeouts};
use serde_json::json;
use time::OffsetDateTime;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};

use crate::common::{Stage, login, token};

/// Marks a write by a handle from before a re-authentication.
const LATE: &str = ": an older login";

/// Named as their scripts. The part after a colon names a variant of the script.
pub(super) const OPERATIONS: [&str; 22] = [
    "create",
    "touch",
    "save",
    "save: an older login",
    "increment",
    "increment: an older login",
    "swap",
    "rotate",
    "retime",
    "admit",
    "login",
    "park",
    "leave",
    "activate",
    "lead",
    "reauthenticate",
    "reauthenticate: a join",
    "end",
    "end_by_key",
    "raise",
    "revoke",
    "sweep",
];

/// The steps of a login across slots.
pub(super) const STEPS: [&str; 3] = ["park", "leave", "activate"];

/// The script of an operation.
pub(super) fn script(operation: &'static str) -> &'static str {
    operation.split(": ").next().unwrap_or(operation)
}

/// Prepares an operation; returns the handle that calls it, and the handle that has the session's token afterwards.
pub(super) async fn prepare(operation: &str, stage: &Stage) -> (Session, Session) {
    if operation.ends_with(LATE) {
        let (_, token) = stage.user("ada").await;
        let (older, fresh) = (stage.open(&token).await, stage.open(&token).await);
        login(&fresh, "ada").await;
        return (older, fresh);
    }
    let session = caller(operation, stage).await;
    (session.clone(), session)
}

async fn caller(operation: &str, stage: &Stage) -> Session {
    match operation {
        "create" => stage.draft().await,
        "touch" => {
            let (_, token) = stage.user("ada").await;
            stage.advance(Duration::from_secs(90)).await;
            stage.sessions.peek(Some(&token), ClientInfo::new()).await.expect("there")
        }
        "reauthenticate" | "raise" | "revoke" | "end" | "end_by_key" => {
            let _ = stage.user("ada").await;
            let (session, _) = stage.user("ada").await;
            session.increment("n", 1).await.expect("there");
            session
        }
        "sweep" => {
            let _ = (stage.guest().await, stage.user("ada").await);
            stage.advance(Duration::from_secs(35 * 60)).await;
            stage.draft().await
        }
        // By a handle that is no longer current; a swap or an admission is sent first and does nothing.
        "save" | "increment" | "login" => overtaken(stage).await,
        "reauthenticate: a join" => {
            let (_, token) = stage.guest().await;
            let second = stage.open(&token).await;
            login(&stage.open(&token).await, "ada").await;
            second
        }
        "lead" => {
            let store = drop_in(stage);
            store.create(&mut record(None)).await.expect("there");
            store.save(&record(Some("bob"))).await.expect("there");
            stage.guest().await.0
        }
        "swap" => {
            let (_, token) = stage.user("ada").await;
            stage.open(&token).await
        }
        _ => stage.guest().await.0,
    }
}

/// A guest session that another handle has written to since.
async fn overtaken(stage: &Stage) -> Session {
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    stage.open(&token).await.increment("m", 1).await.expect("there");
    session
}

/// Calls the operation, once.
pub(super) async fn call(operation: &str, stage: &Stage, session: &Session) {
    let user = stage.sessions.user("ada");
    match operation {
        "create" | "save" | "save: an older login" | "swap" => {
            session.insert("b", &2).expect("legal");
            session.save().await.expect("there").into_result().expect("saved");
        }
        "touch" => assert!(session.touch().await.expect("there").is_some()),
        "increment" | "increment: an older login" => assert_eq!(session.increment("n", 5).await.expect("there"), 5),
        "rotate" => assert_eq!(session.rotate().await.expect("there"), cloakroom::RotateOutcome::Rotated),
        "retime" => session.set_timeouts(Timeouts::new().idle(Duration::from_secs(600))).await.expect("live"),
        "admit" | "login" | "park" | "leave" | "activate" | "reauthenticate: a join" => {
            let _ = session.login(Login::new("ada").keep(["a"])).await.expect("there");
        }
        // Another user logs in under an id that leads to bob's session.
        "lead" => drop_in(stage).save(&record(Some("ada"))).await.expect("there"),
        "reauthenticate" => login(session, "ada").await,
        "end" | "end_by_key" => {
            let _ = session.logout_keeping(["n"]).await.expect("there");
        }
        "raise" => {
            let others = user.revoke_others(session.id().expect("live")).await.expect("there");
            assert_eq!(others.map(|revoked| revoked.ended), Some(1));
        }
        "revoke" => assert_eq!(user.revoke_all().await.expect("there").ended, 2),
        "sweep" => assert_eq!(stage.sessions.sweep().await.expect("there").expired, 2),
        other => panic!("no such operation: {other}"),
    }
    if operation != "sweep" && operation != "revoke" {
        assert!(session.id().is_some() && (session.token().is_none() || token(session).len() == 64));
    }
}

fn drop_in(stage: &Stage) -> Store {
    Store::new(stage.sessions.clone()).user(|state| Some(state.get("user")?.as_str()?.to_owned()))
}

/// Always under the same id.
fn record(user: Option<&str>) -> Record {
    let data = user.map(|user| ("user".to_owned(), json!(user))).into_iter().collect();
    Record { id: Id(7), data, expiry_date: OffsetDateTime::now_utc() + time::Duration::minutes(30) }
}
