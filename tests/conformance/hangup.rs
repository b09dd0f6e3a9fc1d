//! Ends whose caller no longer waits. R33.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cloakroom::{Error, Login, LoginOutcome, Session, Sessions};

use super::stage;
use crate::cancel::{Drops, dropped};
use crate::common::{Stage, until};

/// Polls an end once and drops it, as a server does when the client hangs up, while another operation of the same handle
/// is in flight; then lets that one finish.
async fn hang_up<T: Send>(session: &Session, end: impl Future<Output = Result<T, Error>> + Send) {
    let mut other = pin!(session.increment("n", 1));
    let under_way = other.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
    {
        let mut end = pin!(end);
        assert!(
            matches!(end.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending),
            "it is not done in one poll"
        );
    }
    if under_way {
        // An end that overtook it, without taking a turn, makes it find the session gone.
        let _ = other.await;
    }
}

async fn is_over(sessions: &Sessions, token: &str) {
    until("the session has ended", async || {
        let found = sessions.peek(Some(token), cloakroom::ClientInfo::new()).await.expect("the store is there");
        found.id().is_none()
    })
    .await;
}

async fn of_ada(stage: &Stage) -> (Session, String) {
    let (_, token) = stage.user("ada").await;
    (stage.open(&token).await, token)
}

#[tokio::test]
async fn a_logout_continues_when_the_client_hangs_up() {
    let stage = stage(|builder| builder).await;
    let (session, token) = of_ada(&stage).await;
    hang_up(&session, session.logout()).await;
    is_over(&stage.sessions, &token).await;

    let (session, token) = of_ada(&stage).await;
    hang_up(&session, session.logout_keeping(["n"])).await;
    is_over(&stage.sessions, &token).await;
}

#[tokio::test]
async fn invalidate_and_reset_continue_when_the_client_hangs_up() {
    let stage = stage(|builder| builder).await;
    let (session, token) = of_ada(&stage).await;
    hang_up(&session, session.invalidate()).await;
    is_over(&stage.sessions, &token).await;

    let (session, token) = of_ada(&stage).await;
    hang_up(&session, session.reset()).await;
    is_over(&stage.sessions, &token).await;
}

#[tokio::test]
async fn a_revocation_continues_when_the_client_hangs_up() {
    let stage = stage(|builder| builder).await;
    let (session, token) = of_ada(&stage).await;
    hang_up(&session, session.logout_everywhere()).await;
    is_over(&stage.sessions, &token).await;

    let (session, token) = of_ada(&stage).await;
    hang_up(&session, stage.sessions.revoke_user("ada")).await;
    is_over(&stage.sessions, &token).await;

    let (session, token) = of_ada(&stage).await;
    let (user, id) = (stage.sessions.user("ada"), session.id().expect("live"));
    hang_up(&session, user.revoke(id)).await;
    is_over(&stage.sessions, &token).await;

    let ((session, token), (kept, kept_token)) = (of_ada(&stage).await, of_ada(&stage).await);
    hang_up(&session, user.revoke_others(kept.id().expect("live"))).await;
    is_over(&stage.sessions, &token).await;
    assert!(stage.open(&kept_token).await.id().is_some(), "the one that is kept");
}

#[tokio::test]
async fn an_end_waiting_for_replicas_continues_when_the_client_hangs_up() {
    let stage = stage(|builder| builder).await;
    let durable = stage.sessions.durable(1, Duration::from_millis(50));
    let (session, token) = of_ada(&stage).await;
    hang_up(&session, durable.logout(&session)).await;
    is_over(&stage.sessions, &token).await;

    let (session, token) = of_ada(&stage).await;
    hang_up(&session, durable.revoke_user("ada")).await;
    is_over(&stage.sessions, &token).await;

    let (session, token) = of_ada(&stage).await;
    hang_up(&session, durable.user("ada").revoke(session.id().expect("live"))).await;
    is_over(&stage.sessions, &token).await;

    let ((session, token), (kept, kept_token)) = (of_ada(&stage).await, of_ada(&stage).await);
    hang_up(&session, durable.user("ada").revoke_others(kept.id().expect("live"))).await;
    is_over(&stage.sessions, &token).await;
    assert!(stage.open(&kept_token).await.id().is_some(), "the one that is kept");
}

#[tokio::test]
async fn a_guest_does_not_end_without_the_login_that_ends_it() {
    let stage = stage(|builder| builder).await;
    for after in 0..12 {
        let (_, token) = stage.guest().await;
        let (guest, user) = (stage.open(&token).await, format!("user{after}"));
        let login = guest.login(Login::new(&user).keep(["a"]));
        if let Some(outcome) = dropped(login, Drops { after, woken: true }).await {
            assert!(matches!(outcome, Ok(LoginOutcome::As(_))), "{outcome:?}");
        }
        until("there is one session", async || {
            let (old, new) = (stage.open(&token).await, stage.sessions.user(&user).count().await);
            u64::from(old.id().is_some()) + new.expect("the store is there") == 1
        })
        .await;
    }
}
