//! Failures of other session crates, found by reading and running them in November 2026, each with the tests which show
//! that this crate does not have it. Tests elsewhere are checked to exist; tests that were missing are here.

use std::collections::BTreeSet;

use cloakroom::{ClientInfo, Error, Session, Sessions};

use crate::common::redis_stage;

/// The crate, its failure, and the tests which show that it does not happen here: on the drop-in stores where the store
/// decides it, on our own sessions or web layer otherwise.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "actix-session, axum_session, ruts, rocket_flex_session, salvo, poem, cot",
        "a write in flight during a logout brings the session back",
        &[
            "a_request_in_flight_during_a_logout_revives_nothing_under_any_key",
            "an_update_after_a_logout_writes_nothing_and_returns_the_same_key",
            "a_request_in_flight_during_a_logout_revives_nothing_and_is_not_500",
            "no_concurrent_save_or_login_outlives_a_logout",
            "nothing_in_flight_brings_a_session_back_that_was_logged_out",
            "a_write_in_flight_during_a_logout_does_not_revive_the_session",
        ],
    ),
    (
        "tower-sessions' Redis store",
        "a write in flight during a logout is a 500",
        &[
            "a_request_in_flight_during_a_logout_revives_nothing_and_is_not_500",
            "a_write_to_a_session_that_ended_meanwhile_is_409_with_the_reason",
        ],
    ),
    (
        "tower-sessions",
        "a request with the old id after a rotation removes the new cookie",
        &[
            "an_old_secret_within_its_grace_leaves_the_cookie_alone",
            "a_request_whose_secret_was_rotated_away_leaves_the_cookie_alone",
            "a_late_request_of_a_guest_leaves_the_cookie_of_the_login_alone",
        ],
    ),
    (
        "tower-sessions",
        "a 5xx after a rotation destroys the session",
        &["a_login_rotation_or_logout_keeps_its_cookie_after_a_server_error"],
    ),
    (
        "tower-sessions",
        "of two rotations at once one is lost",
        &["two_rotations_at_once_leave_one_new_token", "one_of_many_concurrent_rotations_wins_and_logs_no_client_out"],
    ),
    (
        "tower-sessions",
        "of two writes at once one is lost",
        &["a_hundred_requests_that_write_different_fields_lose_none"],
    ),
    (
        "axum_session",
        "another server serves a logged-out session from its local copy",
        &["another_server_sees_a_logout_at_once"],
    ),
    (
        "axum_session",
        "any string in the cookie becomes a session",
        &["a_token_of_the_clients_choice_names_no_session_and_is_never_adopted"],
    ),
    (
        "axum_session",
        "a read error counts as no session, and the blank one is written back",
        &[
            "a_read_error_yields_no_session_that_could_be_written_back",
            "a_request_that_needs_its_session_is_503_and_its_cookie_stays",
            "an_outage_is_an_error_and_never_none",
            "in_an_outage_a_key_is_an_error_and_a_malformed_one_is_none",
        ],
    ),
    ("axum_session", "the `__Host-` prefix is broken", &["the_default_cookie_has_every_protection"]),
    ("actix-session", "a change in place, by `update`, is lost", &["a_field_that_is_updated_in_place_is_saved"]),
    (
        "poem; all but saysion",
        "the cookie's value is the key in Redis",
        &[
            "no_secret_of_a_drop_in_store_reaches_redis_or_our_log",
            "no_secret_that_opens_a_session_reaches_redis_its_logs_or_ours",
        ],
    ),
    ("poem", "keys without expiry", &["every_key_of_a_drop_in_store_but_the_deadline_index_expires"]),
    ("ruts", "two rotations at once leave a second, partial session", &["two_rotations_at_once_leave_one_new_token"]),
    (
        "ruts",
        "any well-formed id is adopted",
        &["an_unknown_token_names_nothing_and_is_never_adopted", "an_id_of_the_clients_choice_is_not_adopted"],
    ),
    (
        "all but rocket_flex_session",
        "no index of a user's sessions",
        &[
            "a_record_that_names_a_user_is_listed_and_revoked_as_theirs",
            "a_state_that_names_a_user_is_listed_and_revoked_as_theirs",
        ],
    ),
    ("all", "no cap", &["at_the_cap_the_earliest_login_is_evicted"]),
    (
        "tower-cookies, axum-extra, actix-web",
        "cookie names are percent-decoded",
        &["the_cookies_name_is_matched_byte_for_byte_over_all_headers"],
    ),
];

#[test]
fn each_failure_of_a_peer_names_existing_tests() {
    let tests: BTreeSet<String> = crate::docs::tests();
    for (peer, failure, shown) in CASES {
        assert!(!shown.is_empty(), "{peer}: {failure}");
        for name in *shown {
            assert!(tests.contains(*name), "{peer}, {failure}: `{name}` is not a test");
        }
    }
}

async fn open(sessions: &Sessions, token: &str) -> Result<Session, Error> {
    sessions.open(Some(token), ClientInfo::new()).await
}

#[tokio::test]
async fn another_server_sees_a_logout_at_once() {
    let stage = redis_stage(|with| with).await;
    let (session, token) = stage.user("ada").await;
    let other = stage.another(|with| with).await;
    assert_eq!(open(&other, &token).await.expect("there").user().as_deref(), Some("ada"));
    let _ = session.logout().await.expect("there");
    assert!(open(&other, &token).await.expect("there").id().is_none());
}

#[tokio::test]
async fn a_read_error_yields_no_session_that_could_be_written_back() {
    let server = crate::common::server::Server::start(&[]);
    let builder = Sessions::builder(server.url()).namespace("peers").budget(std::time::Duration::from_millis(300));
    let sessions = builder.connect().await.expect("a server");
    let session = sessions.open(None, ClientInfo::new()).await.expect("there");
    session.insert("cart", &["hat"]).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    let token = crate::common::token(&session);
    server.stop();
    assert!(matches!(open(&sessions, &token).await, Err(Error::Unavailable(_))));
    server.go_on();
    crate::common::until("it is there again", || async { open(&sessions, &token).await.is_ok() }).await;
    let after = open(&sessions, &token).await.expect("there");
    assert_eq!(after.require::<Vec<String>>("cart").expect("still there"), ["hat"]);
}

#[tokio::test]
async fn a_field_that_is_updated_in_place_is_saved() {
    let stage = redis_stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    session.update("a", |a: &mut i32| *a += 1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    assert_eq!(stage.open(&token).await.require::<i32>("a").expect("there"), 2);
}

#[tokio::test]
async fn every_key_of_a_drop_in_store_but_the_deadline_index_expires() {
    use actix_session::storage::SessionStore as _;
    use cloakroom::compat::{actix_session::Store as ActixStore, tower_sessions::Store as TowerStore};
    use time::{Duration, OffsetDateTime};
    use tower_sessions::SessionStore as _;
    use tower_sessions::session::{Id, Record};

    let stage = redis_stage(|with| with).await;
    let tower = TowerStore::new(stage.sessions.clone()).user(|state| state.get("user").map(ToString::to_string));
    let expiry_date = OffsetDateTime::now_utc() + Duration::weeks(100_000);
    let mut record = Record { id: Id::default(), data: [].into(), expiry_date };
    tower.create(&mut record).await.expect("there");
    record.data.insert("user".to_owned(), 1.into());
    tower.save(&record).await.expect("there");
    let actix = ActixStore::new(stage.sessions.clone());
    let key = actix.save([].into(), &Duration::MAX).await.expect("there");
    actix.update_ttl(&key, &Duration::MAX).await.expect("there");
    assert!(tower.load(&record.id).await.expect("there").is_some() && actix.load(&key).await.expect("there").is_some());
    let all = stage.keys().await;
    let mut redis = stage.masters().await.remove(0);
    assert!(all.len() >= 5, "{all:?}");
    for key in all.iter().filter(|key| !key.ends_with(":d")) {
        let left: i64 = redis::cmd("PTTL").arg(key).query_async(&mut redis).await.expect("there");
        assert!(left > 0, "{key}: {left}");
    }
}
