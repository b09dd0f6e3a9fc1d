//! Tokens and ids: what opens a session and what does not.

use cloakroom::{ClientInfo, CookieChange, SessionToken};

use super::stage;

#[tokio::test]
async fn a_draft_stores_nothing_and_has_no_name() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    assert!(draft.id().is_none() && draft.token().is_none() && draft.is_guest());
    assert!(matches!(draft.cookie_change(), CookieChange::Keep));
}

#[tokio::test]
async fn the_first_save_issues_the_token_that_opens_the_session() {
    let stage = stage(|with| with).await;
    let (guest, token) = stage.guest().await;
    let again = stage.open(&token).await;
    assert_eq!(again.id(), guest.id());
    assert_eq!(again.require::<i32>("a").expect("stored"), 1);
    assert!(matches!(again.cookie_change(), CookieChange::Keep));
}

#[tokio::test]
async fn an_unknown_token_names_nothing_and_is_never_adopted() {
    let stage = stage(|with| with).await;
    let (guest, token) = stage.guest().await;
    let _ = guest.invalidate().await.expect("ends");
    let stranger = crate::common::foreign_token();
    let draft = stage.open(&stranger).await;
    assert!(draft.id().is_none() && draft.ended().is_none());
    assert!(matches!(draft.cookie_change(), CookieChange::Keep));
    draft.insert("a", &1).expect("legal");
    draft.save().await.expect("there").into_result().expect("saved");
    let named = SessionToken::parse(&stranger).expect("well formed").id();
    assert_ne!(draft.id(), Some(named));
    assert_ne!(*draft.token().expect("issued").reveal(), token);
}

#[tokio::test]
async fn a_right_id_with_a_wrong_secret_is_the_same_as_unknown() {
    let stage = stage(|with| with).await;
    let (guest, token) = stage.guest().await;
    let (_, other) = stage.guest().await;
    // 16 bytes of id are 21 characters and a third, so keep 22 of ours and take the rest of another's.
    let forged = format!("{}{}", &token[..22], &other[22..]);
    assert_eq!(SessionToken::parse(&forged).expect("well formed").id(), guest.id().expect("live"));
    let draft = stage.open(&forged).await;
    assert!(draft.id().is_none() && draft.ended().is_none());
    let _ = guest.logout().await.expect("ends");
    let draft = stage.open(&forged).await;
    assert!(draft.ended().is_none(), "the reason is told to the right secret only");
    assert!(stage.open(&token).await.ended().is_some());
}

#[tokio::test]
async fn malformed_tokens_are_drafts() {
    let stage = stage(|with| with).await;
    for token in ["", "x", "\0", "é", &"=".repeat(64), &"A".repeat(1 << 20)] {
        let draft = stage.sessions.open(Some(token), ClientInfo::new()).await.expect("no error");
        assert!(draft.id().is_none());
    }
}

#[tokio::test]
async fn debug_prints_no_token_and_no_data() {
    let stage = stage(|with| with).await;
    let (guest, token) = stage.guest().await;
    guest.insert("name", "Ada Lovelace").expect("legal");
    let shown = format!("{guest:?} {:?} {:?}", stage.sessions, guest.token());
    assert!(!shown.contains(&token[30..]) && !shown.contains("Lovelace"), "{shown}");
    let _ = guest.save().await.expect("there");
}

#[tokio::test]
async fn namespaces_never_see_each_other() {
    let (here, there) = (stage(|with| with).await, stage(|with| with).await);
    let (_, token) = here.user("ada").await;
    assert!(there.open(&token).await.id().is_none());
    assert_eq!(there.sessions.revoke_user("ada").await.expect("there").ended, 0);
    assert_eq!(here.open(&token).await.user().as_deref(), Some("ada"));
}
