//! Revocation: one, others, all of a user; all guests; all.

use cloakroom::EndReason;

use super::stage;
use crate::common::{login, token};

#[tokio::test]
async fn revoking_a_user_ends_all_their_sessions_and_nobody_elses() {
    let stage = stage(|with| with).await;
    let tokens = [stage.user("ada").await.1, stage.user("ada").await.1];
    let (_, bob) = stage.user("bob").await;
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 2);
    for token in tokens {
        assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Revoked));
    }
    assert!(stage.open(&bob).await.id().is_some());
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 0);
}

#[tokio::test]
async fn a_login_after_a_revocation_survives_it_and_its_repeat() {
    let stage = stage(|with| with).await;
    let _ = stage.user("ada").await;
    stage.sessions.revoke_user("ada").await.expect("there");
    let (_, after) = stage.user("ada").await;
    assert!(stage.open(&after).await.id().is_some());
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
}

#[tokio::test]
async fn a_rotated_session_is_revoked_by_its_id() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.user("ada").await;
    let id = session.id().expect("live");
    let _ = session.rotate().await.expect("there");
    assert!(stage.sessions.user("ada").revoke(id).await.expect("there"));
    assert!(stage.open(&token(&session)).await.id().is_none());
}

#[tokio::test]
async fn only_the_users_own_live_session_can_be_revoked_by_id() {
    let stage = stage(|with| with).await;
    let (ada, ada_token) = stage.user("ada").await;
    let (bob, bob_token) = stage.user("bob").await;
    let (guest, guest_token) = stage.guest().await;
    let user = stage.sessions.user("ada");
    for id in [bob.id(), guest.id()] {
        assert!(!user.revoke(id.expect("live")).await.expect("there"));
    }
    assert!(stage.open(&bob_token).await.id().is_some() && stage.open(&guest_token).await.id().is_some());
    assert!(user.revoke(ada.id().expect("live")).await.expect("there"));
    let ended = stage.open(&ada_token).await;
    assert_eq!(ended.ended(), Some(EndReason::Revoked));
    assert!(!user.revoke(ada.id().unwrap_or(bob.id().expect("live"))).await.expect("there"), "no longer live");
}

#[tokio::test]
async fn revoke_others_keeps_exactly_the_one_named() {
    let stage = stage(|with| with).await;
    let (keep, keep_token) = stage.user("ada").await;
    let others = [stage.user("ada").await.1, stage.user("ada").await.1];
    let id = keep.id().expect("live");
    let revoked = stage.sessions.user("ada").revoke_others(id).await.expect("there");
    assert_eq!(revoked.map(|revoked| revoked.ended), Some(2));
    assert!(stage.open(&keep_token).await.id().is_some());
    for token in others {
        assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Revoked));
    }
}

#[tokio::test]
async fn revoke_others_needs_a_live_session_of_the_user_to_keep() {
    let stage = stage(|with| with).await;
    let (_, other) = stage.user("ada").await;
    let (ended, _) = stage.user("ada").await;
    let gone = ended.id().expect("live");
    let _ = ended.logout().await.expect("there");
    let (bob, _) = stage.user("bob").await;
    for keep in [gone, bob.id().expect("live")] {
        assert_eq!(stage.sessions.user("ada").revoke_others(keep).await.expect("there"), None);
    }
    assert!(stage.open(&other).await.id().is_some());
}

#[tokio::test]
async fn revoke_guests_ends_only_guests_and_reports_progress() {
    let stage = stage(|with| with).await;
    let guests = [stage.guest().await.1, stage.guest().await.1, stage.guest().await.1];
    let (_, ada) = stage.user("ada").await;
    let mut steps = Vec::new();
    let revoked = stage.sessions.revoke_guests(|progress| steps.push(progress)).await.expect("there");
    assert_eq!(revoked.ended, 3);
    assert_eq!((steps.len(), steps[4095].done, steps[4095].of, steps[4095].ended), (4096, 4096, 4096, 3));
    for token in guests {
        assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Revoked));
    }
    assert!(stage.open(&ada).await.id().is_some());
}

#[tokio::test]
async fn revoke_all_ends_everyone() {
    let stage = stage(|with| with).await;
    let tokens = [stage.guest().await.1, stage.user("ada").await.1, stage.user("bob").await.1];
    assert_eq!(stage.sessions.revoke_all(|_| {}).await.expect("there").ended, 3);
    for token in tokens {
        assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Revoked));
    }
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
}

#[tokio::test]
async fn a_new_login_of_the_same_user_survives_an_earlier_revocation() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.user("ada").await;
    let keep = session.id().expect("live");
    let _ = stage.sessions.user("ada").revoke_others(keep).await.expect("there");
    login(&session, "ada").await;
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
}

#[tokio::test]
async fn a_debug_print_of_the_handle_names_no_user_and_no_session() {
    let stage = stage(|with| with).await;
    let mut ids = Vec::new();
    for user in ["ada-lovelace", "ada-lovelace", "grace-hopper"] {
        let session = stage.draft().await;
        crate::common::login(&session, user).await;
        ids.push(session.id().expect("live").to_string());
    }
    assert_eq!(stage.sessions.user("ada-lovelace").list().await.expect("there").len(), 2);
    assert_eq!(stage.sessions.revoke_user("ada-lovelace").await.expect("there").ended, 2);
    assert!(stage.sessions.user("grace-hopper").revoke(ids[2].parse().expect("an id")).await.expect("there"));
    let prints = [format!("{:?}", stage.sessions), format!("{:#?}", stage.sessions)];
    for print in prints {
        assert!(!print.contains("lovelace") && !print.contains("hopper"), "{print}");
        assert!(!ids.iter().any(|id| print.contains(id)), "{print}");
    }
}
