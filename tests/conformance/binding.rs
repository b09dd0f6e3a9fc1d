//! Sessions bound to the address that they were made from.

use std::net::IpAddr;

use cloakroom::{ClientBinding, ClientInfo, Session};

use super::stage;
use crate::common::{Stage, login, token};

async fn open(stage: &Stage, token: Option<&str>, address: Option<&str>) -> Session {
    let address = address.map(|address| address.parse::<IpAddr>().expect("an address"));
    let client = address.into_iter().fold(ClientInfo::new(), ClientInfo::address);
    stage.sessions.open(token, client).await.expect("the store is there")
}

/// Whether a session that was made from the first address opens from the second, and is flagged then.
async fn opens(stage: &Stage, made: Option<&str>, used: Option<&str>) -> (bool, bool) {
    let session = open(stage, None, made).await;
    login(&session, "ada").await;
    let found = open(stage, Some(&token(&session)), used).await;
    assert_eq!(found.ended(), None, "no hint");
    (found.id().is_some(), found.address_changed())
}

#[tokio::test]
async fn by_default_sessions_are_not_bound_to_an_address() {
    let stage = stage(|builder| builder).await;
    assert_eq!(opens(&stage, Some("192.0.2.1"), Some("203.0.113.1")).await, (true, false));
}

#[tokio::test]
async fn a_flagging_binding_opens_from_anywhere_and_sets_the_flag() {
    let stage = stage(|builder| builder.client_binding(ClientBinding::flag())).await;
    assert_eq!(opens(&stage, Some("192.0.2.1"), Some("192.0.2.1")).await, (true, false));
    assert_eq!(opens(&stage, Some("192.0.2.1"), Some("::ffff:192.0.2.1")).await, (true, false));
    assert_eq!(opens(&stage, Some("192.0.2.1"), Some("192.0.2.2")).await, (true, true));
    assert_eq!(opens(&stage, Some("192.0.2.1"), Some("2001:db8::1")).await, (true, true));
    assert_eq!(opens(&stage, Some("192.0.2.1"), None).await, (true, false), "not known, not compared");
    assert_eq!(opens(&stage, None, Some("192.0.2.1")).await, (true, false), "not known, not compared");
}

#[tokio::test]
async fn a_bound_session_opens_only_from_the_address_that_made_it() {
    let stage = stage(|builder| builder.client_binding(ClientBinding::reject().prefixes(24, 64))).await;
    for (made, used, opened) in [
        ("192.0.2.1", "192.0.2.200", true),
        ("192.0.2.1", "192.0.3.1", false),
        ("2001:db8:0:1::1", "2001:db8:0:1::2", true),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ("192.0.2.1", "2001:db8::1", false),
    ] {
        assert_eq!(opens(&stage, Some(made), Some(used)).await, (opened, false), "{made} {used}");
    }
    let session = open(&stage, None, Some("192.0.2.1")).await;
    login(&session, "ada").await;
    let held = token(&session);
    assert!(open(&stage, Some(&held), Some("203.0.113.1")).await.id().is_none());
    assert!(open(&stage, Some(&held), Some("192.0.2.1")).await.id().is_some());
}

#[tokio::test]
async fn a_request_from_another_address_keeps_no_bound_session_alive() {
    let stage = stage(|builder| builder.client_binding(ClientBinding::reject())).await;
    let session = open(&stage, None, Some("192.0.2.1")).await;
    login(&session, "ada").await;
    let held = token(&session);
    let minutes = |minutes: u64| std::time::Duration::from_secs(minutes * 60);
    stage.advance(minutes(20)).await;
    assert!(open(&stage, Some(&held), Some("203.0.113.1")).await.id().is_none());
    stage.advance(minutes(12)).await;
    assert!(open(&stage, Some(&held), Some("192.0.2.1")).await.id().is_none(), "it has expired");
}

#[tokio::test]
async fn a_new_login_binds_to_the_address_that_it_comes_from() {
    let stage = stage(|builder| builder.client_binding(ClientBinding::flag())).await;
    let session = open(&stage, None, Some("192.0.2.1")).await;
    login(&session, "ada").await;
    let moved = open(&stage, Some(&token(&session)), Some("192.0.2.2")).await;
    assert!(moved.address_changed());
    login(&moved, "ada").await;
    assert!(!moved.address_changed());
    assert!(open(&stage, Some(&token(&moved)), Some("192.0.2.1")).await.address_changed());
}
