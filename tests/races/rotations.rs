//! I-08, I-09: concurrent rotations.

use cloakroom::{ClientInfo, RotateOutcome};
use tokio::task::JoinSet;

use super::servers;
use crate::common::token;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_concurrent_rotations_wins_and_logs_no_client_out() {
    let (stage, servers) = servers(|with| with).await;
    for _ in 0..10 {
        let (_, old) = stage.user("ada").await;
        let mut handles = Vec::new();
        for number in 0..12 {
            handles.push(servers[number % 3].open(Some(&old), ClientInfo::new()).await.expect("there"));
        }
        let mut requests = JoinSet::new();
        for handle in handles {
            requests.spawn(async move { (handle.rotate().await.expect("there"), handle) });
        }
        let outcomes = requests.join_all().await;
        let rotated: Vec<_> = outcomes.iter().filter(|(outcome, _)| *outcome == RotateOutcome::Rotated).collect();
        assert_eq!(rotated.len(), 1);
        assert!(stage.open(&token(&rotated[0].1)).await.user().is_some());
        assert!(stage.open(&old).await.user().is_some(), "whose response was lost, or who was in parallel");
        stage.sessions.revoke_user("ada").await.expect("there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_by_id_never_misses_a_session_that_rotates() {
    let (stage, servers) = servers(|with| with).await;
    for _ in 0..20 {
        let (session, old) = stage.user("ada").await;
        let id = session.id().expect("live");
        let handle = servers[1].open(Some(&old), ClientInfo::new()).await.expect("there");
        let user = servers[2].user("ada");
        let (rotated, revoked) = tokio::join!(handle.rotate(), user.revoke(id));
        assert!(revoked.expect("there"), "{rotated:?}");
        assert_eq!(stage.open(&old).await.id(), None);
        if let Some(token) = handle.token() {
            assert_eq!(stage.open(&token.reveal()).await.id(), None);
        }
    }
}
