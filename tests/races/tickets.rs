//! I-01, R23: logins that race with a revocation.

use cloakroom::{ClientInfo, Login, LoginOutcome};
use tokio::task::JoinSet;

use super::servers;
use crate::common::token;

#[tokio::test(flavor = "multi_thread")]
async fn no_login_whose_ticket_precedes_a_revocation_is_live_after_it() {
    let (stage, servers) = servers(|with| with).await;
    for _ in 0..5 {
        let ticket = stage.sessions.ticket("ada").await.expect("there");
        let mut logins = JoinSet::new();
        for number in 0..40 {
            let server = servers[number % 3].clone();
            logins.spawn(async move {
                let draft = server.open(None, ClientInfo::new()).await.expect("there");
                (draft.login(Login::new("ada").ticket(ticket)).await.expect("there"), draft)
            });
        }
        tokio::task::yield_now().await;
        servers[0].revoke_user("ada").await.expect("there");
        for (outcome, session) in logins.join_all().await {
            match outcome {
                LoginOutcome::As(_) => {
                    assert_eq!(stage.open(&token(&session)).await.id(), None, "it came before, and was ended")
                }
                other => assert_eq!(other, LoginOutcome::TicketVoid),
            }
        }
        assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_begun_after_a_revocation_returned_survives_it() {
    let (stage, servers) = servers(|with| with).await;
    for round in 0..30 {
        let _ = stage.user("ada").await;
        servers[round % 3].revoke_user("ada").await.expect("there");
        let (_, fresh) = stage.user("ada").await;
        let again = servers[(round + 1) % 3].user("ada");
        assert_eq!(again.count().await.expect("there"), 1);
        assert!(stage.open(&fresh).await.id().is_some());
    }
}
