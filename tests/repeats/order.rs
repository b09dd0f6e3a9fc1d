//! Repeats of a call after newer calls.

use std::time::Duration;

use cloakroom::{Login, Session, Timeouts};

use super::operations::OPERATIONS;
use super::scene::{MOVED_ON, Scene, code};
use super::server;
use crate::common::token;

/// What happens after the call, each in a request of its own.
const NEWER: [&str; 9] =
    ["save", "increment", "rotate", "retime", "log in", "log in again", "clear", "log out", "revoke and log in"];

#[tokio::test]
async fn a_repeat_after_newer_calls_changes_nothing() {
    let server = server();
    for operation in OPERATIONS {
        let mut scene = Scene::before(&server, operation).await;
        let call = scene.operate().await;
        let mut session = scene.holder.clone();
        for newer in NEWER {
            session = do_newer(newer, &scene, &session).await;
            let before = scene.dump().await;
            scene.deliver(&call).await;
            assert_eq!(scene.dump().await, before, "{operation} delivered again after {newer}");
        }
    }
}

/// A swap compares with the session as loaded, so a delayed one is not executed even once.
#[tokio::test]
async fn an_overtaken_swap_does_nothing() {
    let server = server();
    for newer in NEWER {
        let mut scene = Scene::before(&server, "swap").await;
        let before = scene.dump().await;
        let call = scene.operate().await;
        scene.restore(&before).await;
        do_newer(newer, &scene, &scene.session).await;
        let overtaken = scene.dump().await;
        assert_eq!(code(&scene.deliver(&call).await), Some(MOVED_ON), "{newer}");
        assert_eq!(scene.dump().await, overtaken, "overtaken by {newer}");
    }
}

#[tokio::test]
async fn a_repeat_that_the_session_has_forgotten_is_not_executed() {
    let server = server();
    for operation in OPERATIONS {
        let mut scene = Scene::before(&server, operation).await;
        let call = scene.operate().await;
        let session = live(&scene, &scene.holder).await;
        for count in 0..20 {
            // More operations than the session remembers.
            session.increment("more", 1).await.expect("live");
            let before = scene.dump().await;
            scene.deliver(&call).await;
            assert_eq!(scene.dump().await, before, "{operation} delivered again after {count} others");
        }
    }
}

#[tokio::test]
async fn a_later_repeat_changes_nothing() {
    let server = server();
    for operation in OPERATIONS {
        let mut scene = Scene::before(&server, operation).await;
        let call = scene.operate().await;
        let mut age = 0;
        for seconds in [5, 20, 30, 10, 60, 300, 1500, 3600, 43_200] {
            scene.stage.advance(Duration::from_secs(seconds)).await;
            age += seconds;
            let before = scene.dump().await;
            scene.deliver(&call.clone().older(age * 1000)).await;
            assert_eq!(scene.dump().await, before, "{operation} delivered again after {age} s");
        }
    }
}

/// The session, or another one if it has ended.
async fn live(scene: &Scene, session: &Session) -> Session {
    match session.id() {
        Some(_) if session.reload().await.is_ok() => session.clone(),
        _ => scene.stage.guest().await.0,
    }
}

/// Does something with the session, or with a new one if it has ended; returns a handle of the live one.
async fn do_newer(newer: &str, scene: &Scene, session: &Session) -> Session {
    let here = live(scene, session).await;
    match newer {
        "save" => {
            here.insert("b", &99).expect("legal");
            here.save().await.expect("there").into_result().expect("saved");
        }
        "increment" => drop(here.increment("n", 1).await.expect("there")),
        "rotate" => assert_eq!(here.rotate().await.expect("there"), cloakroom::RotateOutcome::Rotated),
        "retime" => here.set_timeouts(Timeouts::new().idle(Duration::from_secs(1200))).await.expect("live"),
        "log in" | "log in again" => drop(here.login(Login::new("ada").keep(["a", "b"])).await.expect("there")),
        "clear" => {
            here.clear().expect("live");
            here.save().await.expect("there").into_result().expect("saved");
        }
        "log out" => drop(here.logout().await.expect("there")),
        "revoke and log in" => {
            scene.stage.sessions.revoke_user("ada").await.expect("there");
            return scene.stage.user("ada").await.0;
        }
        other => panic!("nothing of that name: {other}"),
    }
    match here.id() {
        Some(_) if here.token().is_some() => scene.stage.open(&token(&here)).await,
        _ => here,
    }
}
