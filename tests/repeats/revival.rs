//! Repeats of the calls that make a session, after that session's end: it never lives again.

use std::time::Duration;

use cloakroom::{Session, Timeouts};

use super::scene::Scene;
use super::server;
use crate::common::{Stage, token};

/// Calls that make a session, or a token for one. `end` makes the guest session that follows.
const MAKERS: [&str; 7] = ["create", "admit", "login", "park", "activate", "end", "reauthenticate: a join"];
/// The ways in which a session ends.
const ENDS: [&str; 5] = ["expire", "shorten and expire", "log out", "log in", "revoke"];
/// Seconds between deliveries: around the not-after, the shortest tombstone, and the end of a tombstone.
const WAITS: [u64; 10] = [0, 5, 20, 30, 6, 60, 2, 300, 3400, 40_000];

#[tokio::test]
async fn an_ended_session_never_lives_again_however_late_a_repeat_comes() {
    let server = server();
    for (maker, end) in MAKERS.into_iter().flat_map(|maker| ENDS.map(|end| (maker, end))) {
        let mut scene = Scene::before(&server, maker).await;
        let call = scene.operate().await;
        let token = token(&scene.session);
        let mut age = do_end(end, &scene.stage, &scene.session).await;
        assert!(scene.stage.open(&token).await.id().is_none(), "{maker}, {end}: it has ended");
        for wait in WAITS {
            scene.stage.advance(Duration::from_secs(wait)).await;
            age += wait;
            let before = scene.dump().await;
            scene.deliver(&call.clone().older(age * 1000)).await;
            assert!(scene.stage.open(&token).await.id().is_none(), "{maker}, {end}, after {age} s");
            assert_eq!(scene.dump().await, before, "{maker}, {end}, after {age} s");
        }
    }
}

/// Ends the session; returns how many seconds that takes.
async fn do_end(end: &str, stage: &Stage, session: &Session) -> u64 {
    match end {
        "expire" => {
            stage.advance(Duration::from_secs(32 * 60)).await;
            return 32 * 60;
        }
        "shorten and expire" => {
            let second = Duration::from_secs(1);
            session.set_timeouts(Timeouts::new().idle(second).touch_interval(second)).await.expect("live");
            stage.advance(3 * second).await;
            return 3;
        }
        "log out" => drop(session.logout().await.expect("there")),
        "log in" => drop(session.login(cloakroom::Login::new("bob")).await.expect("there")),
        _ if session.is_guest() => drop(stage.sessions.revoke_guests(|_| {}).await.expect("there")),
        _ => drop(stage.sessions.revoke_user("ada").await.expect("there")),
    }
    0
}

#[tokio::test]
async fn a_short_lived_session_is_not_made_again_by_a_late_repeat() {
    let server = server();
    for maker in MAKERS {
        let seconds = Duration::from_secs(5);
        let short = Timeouts::new().idle(seconds).touch_interval(seconds);
        let mut scene = Scene::with(&server, maker, short).await;
        let call = scene.operate().await;
        let token = token(&scene.session);
        let mut age = 0;
        assert!(scene.stage.open(&token).await.id().is_some(), "{maker}");
        for wait in [11, 9, 30, 9, 2, 30, 40] {
            scene.stage.advance(Duration::from_secs(wait)).await;
            age += wait;
            let before = scene.dump().await;
            scene.deliver(&call.clone().older(age * 1000)).await;
            assert_eq!(scene.dump().await, before, "{maker}, after {age} s");
            assert!(scene.stage.open(&token).await.id().is_none(), "{maker}, after {age} s");
        }
    }
}
