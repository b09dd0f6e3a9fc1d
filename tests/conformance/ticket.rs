//! Logins that a revocation must stop.

use cloakroom::{Login, LoginOutcome};

use super::stage;

#[tokio::test]
async fn a_login_whose_ticket_precedes_a_revocation_is_refused() {
    let stage = stage(|with| with).await;
    let ticket = stage.sessions.ticket("ada").await.expect("there");
    stage.sessions.revoke_user("ada").await.expect("there");
    let (guest, token) = stage.guest().await;
    assert_eq!(guest.login(Login::new("ada").ticket(ticket)).await.expect("there"), LoginOutcome::TicketVoid);
    assert!(stage.open(&token).await.id().is_some(), "nothing changed");
    let ticket = stage.sessions.ticket("ada").await.expect("there");
    assert!(matches!(guest.login(Login::new("ada").ticket(ticket)).await.expect("there"), LoginOutcome::As(_)));
}

#[tokio::test]
async fn signing_out_the_others_voids_tickets_too() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.user("ada").await;
    let ticket = stage.sessions.ticket("ada").await.expect("there");
    let _ = stage.sessions.user("ada").revoke_others(session.id().expect("live")).await.expect("there");
    let outcome = stage.draft().await.login(Login::new("ada").ticket(ticket)).await.expect("there");
    assert_eq!(outcome, LoginOutcome::TicketVoid);
    let again = session.login(Login::new("ada").ticket(ticket)).await.expect("there");
    assert_eq!(again, LoginOutcome::TicketVoid);
}

#[tokio::test]
async fn each_revocation_voids_the_tickets_before_it() {
    let stage = stage(|with| with).await;
    stage.sessions.revoke_user("ada").await.expect("there");
    let between = stage.sessions.ticket("ada").await.expect("there");
    stage.sessions.revoke_user("ada").await.expect("there");
    let outcome = stage.draft().await.login(Login::new("ada").ticket(between)).await.expect("there");
    assert_eq!(outcome, LoginOutcome::TicketVoid);
}

#[tokio::test]
async fn a_ticket_is_valid_for_one_user() {
    let stage = stage(|with| with).await;
    let ticket = stage.sessions.ticket("bob").await.expect("there");
    let outcome = stage.draft().await.login(Login::new("ada").ticket(ticket)).await.expect("there");
    assert_eq!(outcome, LoginOutcome::TicketVoid);
}

#[tokio::test]
async fn revoking_one_session_by_id_voids_no_ticket() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.user("ada").await;
    let ticket = stage.sessions.ticket("ada").await.expect("there");
    assert!(stage.sessions.user("ada").revoke(session.id().expect("live")).await.expect("there"));
    let outcome = stage.draft().await.login(Login::new("ada").ticket(ticket)).await.expect("there");
    assert!(matches!(outcome, LoginOutcome::As(_)));
}
