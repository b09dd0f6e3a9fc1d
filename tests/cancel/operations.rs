//! Every asynchronous operation of the public API, by the place and the name of its function.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use cloakroom::{Cap, ClientInfo, Error, Login, LoginOutcome, Timeouts};

use super::scene::Scene;
use crate::common::{Stage, login};

/// Marks calls to all buckets, or many: up to thousands of round trips.
pub(super) const ALL_BUCKETS: &str = "(all buckets)";

/// Marks calls by a handle from before a re-authentication.
pub(super) const OLDER_LOGIN: &str = ": an older login";

/// The part after a colon names a variant of the function. An increment of a field with a pending change is two calls, as
/// its documentation says, so it is not here.
pub(super) const OPERATIONS: [&str; 46] = [
    "builder.connect",
    "doctor.doctor: (all buckets)",
    "durable.logout",
    "durable.revoke",
    "durable.revoke_all",
    "durable.revoke_others",
    "durable.revoke_user",
    "session.increment",
    "session.increment: a draft",
    "session.increment: an older login",
    "session.invalidate",
    "session.login: a draft",
    "session.login: a guest",
    "session.login: pressed twice",
    "session.login: at the cap",
    "session.login: the same user",
    "session.login: another user",
    "session.logout",
    "session.logout: of a user",
    "session.logout_everywhere",
    "session.logout_keeping",
    "session.reload",
    "session.reset",
    "session.rotate",
    "session.save",
    "session.save: a draft",
    "session.save: an older login",
    "session.save_if_unchanged",
    "session.set_timeouts",
    "session.touch",
    "sessions.active_since: (all buckets)",
    "sessions.open",
    "sessions.open: with a touch that is due",
    "sessions.peek",
    "sessions.ping",
    "sessions.revoke_all: (all buckets)",
    "sessions.revoke_guests: (all buckets)",
    "sessions.revoke_user",
    "sessions.sweep: (all buckets)",
    "sessions.ticket",
    "user.active_since",
    "user.count",
    "user.list",
    "user.revoke",
    "user.revoke_all",
    "user.revoke_others",
];

/// Prepares an operation; returns the token of the session that makes the call.
pub(super) async fn prepare(operation: &str, stage: &Stage) -> Option<String> {
    match operation {
        "session.increment: a draft" | "session.login: a draft" | "session.save: a draft" => None,
        // Each bucket is done or not, so there is one session.
        "sessions.revoke_all: (all buckets)" => None,
        "session.login: the same user" | "session.logout: of a user" | "session.logout_everywhere" => {
            Some(stage.user("ada").await.1)
        }
        older if older.ends_with(OLDER_LOGIN) => Some(stage.user("ada").await.1),
        "session.login: pressed twice" => {
            let (_, token) = stage.guest().await;
            login(&stage.open(&token).await, "ada").await;
            Some(token)
        }
        "session.login: another user" => Some(stage.user("bob").await.1),
        "sessions.revoke_user" => Some(stage.user("ada").await.1),
        ends if ends.starts_with("user.revoke") || ends.starts_with("durable.") => Some(stage.user("ada").await.1),
        "session.touch" | "sessions.open: with a touch that is due" => {
            let (_, token) = stage.guest().await;
            stage.advance(Duration::from_secs(90)).await;
            Some(token)
        }
        _ => Some(stage.guest().await.1),
    }
}

/// Calls the operation. Only whether it returns an error matters.
pub(super) async fn call(operation: &str, scene: &Scene) -> Result<(), Error> {
    let (place, name) = operation.split_once('.').expect("a place and a name");
    match place {
        "builder" => {
            drop(scene.connect().await);
            Ok(())
        }
        "doctor" => scene.sessions.doctor().await.map(drop),
        "durable" => durable(name, scene).await,
        "session" => of_a_session(name, scene).await,
        "sessions" => of_all(name, scene).await,
        _ => of_a_user(name, scene).await,
    }
}

async fn of_a_session(name: &str, scene: &Scene) -> Result<(), Error> {
    let session = &scene.session;
    match name {
        "increment" | "increment: a draft" | "increment: an older login" => session.increment("n", 1).await.map(drop),
        "invalidate" => session.invalidate().await.map(drop),
        "logout" | "logout: of a user" => session.logout().await.map(drop),
        "logout_everywhere" => session.logout_everywhere().await.map(drop),
        "logout_keeping" => session.logout_keeping(["a"]).await.map(drop),
        "reload" => session.reload().await,
        "reset" => session.reset().await.map(drop),
        "rotate" => session.rotate().await.map(drop),
        "save" | "save: a draft" | "save: an older login" => {
            session.insert("b", &2)?;
            session.save().await?.into_result()
        }
        "save_if_unchanged" => {
            session.insert("b", &2)?;
            session.save_if_unchanged().await?.into_result()
        }
        "set_timeouts" => session.set_timeouts(Timeouts::new().idle(Duration::from_secs(600))).await,
        "touch" => session.touch().await.map(drop),
        "login: at the cap" => logged_in(session.login(Login::new("ada").keep(["a"]).cap(Cap::evict(1))).await?),
        login if login.starts_with("login: ") => logged_in(session.login(Login::new("ada").keep(["a"])).await?),
        other => panic!("no such operation: {other}"),
    }
}

/// A draft may find that it has ended if a dropped call was executed.
fn logged_in(outcome: LoginOutcome) -> Result<(), Error> {
    match outcome {
        LoginOutcome::As(_) => Ok(()),
        LoginOutcome::Gone(reason) => Err(Error::Gone(reason)),
        LoginOutcome::Conflict => Err(Error::Conflict),
        refused => panic!("{refused:?}"),
    }
}

async fn of_all(name: &str, scene: &Scene) -> Result<(), Error> {
    let sessions = &scene.sessions;
    match name.trim_end_matches(": (all buckets)") {
        "active_since" => sessions.active_since(UNIX_EPOCH).await.map(drop),
        "open" | "open: with a touch that is due" => {
            sessions.open(scene.old.as_deref(), ClientInfo::new()).await.map(drop)
        }
        "peek" => sessions.peek(scene.old.as_deref(), ClientInfo::new()).await.map(drop),
        "ping" => sessions.ping().await,
        "revoke_all" => sessions.revoke_all(|_| {}).await.map(drop),
        "revoke_guests" => sessions.revoke_guests(|_| {}).await.map(drop),
        "revoke_user" => sessions.revoke_user("ada").await.map(drop),
        "sweep" => sessions.sweep().await.map(drop),
        "ticket" => sessions.ticket("ada").await.map(drop),
        other => panic!("no such operation: {other}"),
    }
}

async fn of_a_user(name: &str, scene: &Scene) -> Result<(), Error> {
    let user = scene.sessions.user("ada");
    match name {
        "active_since" => user.active_since(UNIX_EPOCH).await.map(drop),
        "count" => user.count().await.map(drop),
        "list" => user.list().await.map(drop),
        "revoke" => user.revoke(scene.other.id().expect("the handle is not told")).await.map(drop),
        "revoke_all" => user.revoke_all().await.map(drop),
        "revoke_others" => user.revoke_others(scene.session.id().expect("the handle is not told")).await.map(drop),
        other => panic!("no such operation: {other}"),
    }
}

async fn durable(name: &str, scene: &Scene) -> Result<(), Error> {
    // There is no replica. A server in `WAIT` checks the time only every 100 ms.
    let durable = scene.sessions.durable(0, Duration::from_millis(5));
    let user = durable.user("ada");
    match name {
        "logout" => durable.logout(&scene.session).await.map(drop),
        "revoke" => user.revoke(scene.other.id().expect("the handle is not told")).await.map(drop),
        "revoke_all" => user.revoke_all().await.map(drop),
        "revoke_others" => user.revoke_others(scene.session.id().expect("the handle is not told")).await.map(drop),
        "revoke_user" => durable.revoke_user("ada").await.map(drop),
        other => panic!("no such operation: {other}"),
    }
}

#[test]
fn every_asynchronous_operation_is_dropped_here() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut public = BTreeSet::new();
    for folder in [source.clone(), source.join("session"), source.join("sessions")] {
        let files = fs::read_dir(folder).expect("a folder of ours").map(|file| file.expect("readable").path());
        for file in files.filter(|file| file.is_file()) {
            let within = file.strip_prefix(&source).expect("below it");
            // The operations of `Session` are in a folder, those of each other handle in a file.
            let place = within.strip_prefix("sessions").unwrap_or(within).components().next().expect("a name");
            let place = place.as_os_str().to_string_lossy().replace(".rs", "");
            let text = fs::read_to_string(&file).expect("UTF-8");
            let functions = text.split("pub async fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            public.extend(functions.map(|function| format!("{place}.{function}")));
        }
    }
    // The kit for the tests of applications has no store of its own.
    public.retain(|operation| !operation.starts_with("testing."));
    let here = OPERATIONS.map(|operation| operation.split(':').next().expect("a name").to_owned());
    assert_eq!(BTreeSet::from(here), public);
}
