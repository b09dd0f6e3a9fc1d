//! A request that writes to a session that nobody else writes to sends one `swap` and nothing heavier.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::{Cap, Login, Session};

use crate::common::recorder::Recorder;
use crate::common::server::Server;
use crate::common::{Stage, redis_stage_on};

async fn watched() -> (Stage, Recorder) {
    let server = Arc::new(Server::start(&[]));
    let settings = |with: cloakroom::Builder| with.connections(1).budget(Duration::from_secs(30));
    let stage = redis_stage_on(Arc::clone(&server), settings).await;
    let recorder = Recorder::start(&server, &stage.namespace).await;
    (stage, recorder)
}

async fn save(session: &Session, name: &str, value: i32) {
    session.insert(name, &value).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
}

/// The scripts that were called, after the first n.
async fn after(recorder: &mut Recorder, first: usize) -> Vec<String> {
    recorder.calls().await.iter().skip(first).map(|call| call.script.clone()).collect()
}

#[tokio::test]
async fn every_write_without_a_concurrent_one_is_a_swap() {
    let (stage, mut recorder) = watched().await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    save(&session, "a", 2).await;
    assert_eq!(session.increment("n", 5).await.expect("there"), 5);
    session.remove("a").expect("live");
    save(&session, "b", 3).await;
    session.clear().expect("live");
    save(&session, "c", 4).await;
    session.set_dirty(true);
    session.save().await.expect("there").into_result().expect("saved");
    assert_eq!(session.increment("n", -1).await.expect("there"), -1, "it was cleared");
    session.reload().await.expect("live");
    save(&session, "d", 5).await;
    assert_eq!(after(&mut recorder, 1).await, ["swap"; 7]);
    assert_eq!(stage.open(&token).await.names(), ["c", "d", "n"]);
}

#[tokio::test]
async fn the_write_after_a_rotation_retime_or_login_is_a_swap() {
    let (stage, mut recorder) = watched().await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    let _ = session.rotate().await.expect("there");
    save(&session, "a", 2).await;
    session.set_timeouts(session.timeouts()).await.expect("live");
    save(&session, "a", 3).await;
    let _ = session.login(Login::new("ada").keep(["a"])).await.expect("there");
    save(&session, "a", 4).await;
    let _ = session.login(Login::new("ada")).await.expect("there");
    save(&session, "a", 5).await;
    let scripts = ["rotate", "swap", "retime", "swap", "admit", "swap", "reauthenticate", "swap"];
    assert_eq!(after(&mut recorder, 1).await, scripts);
}

#[tokio::test]
async fn a_handles_write_to_the_session_that_it_made_is_a_swap() {
    let (stage, mut recorder) = watched().await;
    let (session, token) = stage.guest().await;
    save(&session, "b", 2).await;
    assert_eq!(session.increment("n", 5).await.expect("there"), 5);
    assert_eq!(after(&mut recorder, 0).await, ["create", "swap", "swap"]);
    assert_eq!(stage.open(&token).await.names(), ["a", "b", "n"]);
}

#[tokio::test]
async fn at_the_cap_the_second_call_names_the_members() {
    let (stage, mut recorder) = watched().await;
    for _ in 0..2 {
        let _ = stage.draft().await.login(Login::new("ada").cap(Cap::evict(1))).await.expect("there");
    }
    assert_eq!(after(&mut recorder, 0).await, ["admit", "admit", "login"]);
    assert_eq!(stage.sessions.user("ada").list().await.expect("there").len(), 1);
}

#[tokio::test]
async fn an_overtaken_handle_tries_no_swap_until_it_is_reloaded() {
    let (stage, mut recorder) = watched().await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    stage.open(&token).await.increment("n", 1).await.expect("there");
    save(&session, "a", 2).await;
    assert_eq!(session.increment("n", 1).await.expect("there"), 2, "what was never seen here counts");
    session.reload().await.expect("live");
    save(&session, "a", 3).await;
    assert_eq!(after(&mut recorder, 1).await, ["swap", "swap", "save", "increment", "swap"]);
}

/// A rotation returns the current metadata, which does not cover fields that this handle has not seen.
#[tokio::test]
async fn metadata_newer_than_the_fields_does_not_permit_a_swap() {
    let (stage, mut recorder) = watched().await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    save(&stage.open(&token).await, "other", 1).await;
    let _ = session.rotate().await.expect("there");
    session.set_timeouts(session.timeouts()).await.expect("live");
    save(&session, "a", 2).await;
    session.reload().await.expect("live");
    assert_eq!(session.names(), ["a", "other"]);
    assert_eq!(after(&mut recorder, 1).await, ["swap", "rotate", "retime", "swap", "save"]);
}
