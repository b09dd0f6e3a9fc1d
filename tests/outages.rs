//! An outage as callers see it: an error, never "no session", and never executed twice.

use std::time::Duration;

use cloakroom::{Builder, ClientInfo, Error, SaveOutcome, Session, Sessions};

use crate::common::server::Server;
use crate::common::{token, until};

async fn connect(server: &Server, settings: impl FnOnce(Builder) -> Builder + Send) -> Sessions {
    let builder = Sessions::builder(server.url()).namespace("away").budget(Duration::from_millis(700));
    settings(builder).connect().await.expect("a server")
}

/// A stored session whose field `a` is 1, and its token.
async fn saved(sessions: &Sessions) -> (Session, String) {
    let session = sessions.open(None, ClientInfo::new()).await.expect("there");
    session.insert("a", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    let token = token(&session);
    (session, token)
}

/// Saves another value while the server is stopped, so that its outcome is unknown.
async fn lose_a_save(server: &Server, session: &Session) {
    server.stop();
    session.insert("a", &2).expect("legal");
    let lost = session.save().await;
    assert!(matches!(lost, Err(Error::Indeterminate(_))), "{lost:?}");
}

/// Another request changes the field.
async fn save_three(other: &Session) {
    other.insert("a", &3).expect("legal");
    other.save().await.expect("there").into_result().expect("saved");
}

#[tokio::test]
async fn a_save_repeated_after_a_lost_reply_is_the_same_operation() {
    let server = Server::start(&[]);
    let sessions = connect(&server, |with| with).await;
    let (session, token) = saved(&sessions).await;
    session.insert("b", &1).expect("legal");
    session.save().await.expect("the server knows the script from now on").into_result().expect("saved");

    lose_a_save(&server, &session).await;
    assert!(session.is_dirty());
    server.go_on(); // and executes what waited in its socket
    let other = || async { sessions.open(Some(&token), ClientInfo::new()).await };
    until("the lost save is done", || async {
        other().await.is_ok_and(|other| other.get("a").expect("reads") == Some(2))
    })
    .await;

    let other = other().await.expect("there");
    save_three(&other).await;
    assert_eq!(session.save().await.expect("there"), SaveOutcome::Saved, "answered as the first time");
    let last = sessions.open(Some(&token), ClientInfo::new()).await.expect("there");
    assert_eq!(last.require::<i32>("a").expect("stored"), 3, "the newer value was not overwritten");
}

#[tokio::test]
async fn a_save_whose_reply_was_lost_is_not_sent_again_after_a_discard() {
    let server = Server::start(&[]);
    let sessions = connect(&server, |with| with).await;
    let (session, token) = saved(&sessions).await;
    lose_a_save(&server, &session).await;
    session.discard();
    // Whether or not the lost one is executed.
    server.go_on();
    until("the server is back", || async { sessions.ping().await.is_ok() }).await;
    let other = sessions.open(Some(&token), ClientInfo::new()).await.expect("there");
    save_three(&other).await;
    assert_eq!(session.save().await.expect("there"), SaveOutcome::Unchanged);
    session.insert("b", &1).expect("legal");
    assert_eq!(session.save().await.expect("there"), SaveOutcome::Saved);
    let last = sessions.open(Some(&token), ClientInfo::new()).await.expect("there");
    assert_eq!(last.require::<i32>("a").expect("stored"), 3, "nothing of what was discarded was sent again");
}

#[tokio::test]
async fn in_an_outage_no_session_is_reported_as_ended() {
    let server = Server::start(&[]);
    let sessions = connect(&server, |with| with).await;
    let session = sessions.open(None, ClientInfo::new()).await.expect("there");
    crate::common::login(&session, "ada").await;
    let token = token(&session);
    server.stop();
    let user = sessions.user("ada");
    assert!(matches!(session.rotate().await, Err(Error::Indeterminate(_))));
    let opened = sessions.open(Some(&token), ClientInfo::new()).await;
    assert!(matches!(opened, Err(Error::Unavailable(_))), "{opened:?}");
    assert!(matches!(user.list().await, Err(Error::Unavailable(_))));
    assert!(user.revoke_all().await.is_err_and(|error| error.is_retryable()));
    server.go_on();
    until("the server is back", || async { sessions.ping().await.is_ok() }).await;
    assert_eq!(session.user().as_deref(), Some("ada"), "the handle was not told that it ended");
}

#[tokio::test]
async fn a_lazy_handle_works_once_the_server_is_up() {
    let server = Server::start(&[]);
    let missing = server.socket().with_file_name("not-there");
    let nowhere = Sessions::builder(format!("redis+unix://{}", missing.display())).namespace("away");
    let nowhere = nowhere.budget(Duration::from_millis(200)).connect_lazy().expect("no I/O");
    assert!(matches!(nowhere.ping().await, Err(Error::Unavailable(_))));
    std::os::unix::fs::symlink(server.socket(), &missing).expect("a link");
    until("it connects", || async { nowhere.ping().await.is_ok() }).await;
}

#[tokio::test]
async fn connect_returns_an_error_that_names_the_cause() {
    let refused = Sessions::builder("redis://127.0.0.1:1").namespace("away").connect().await;
    let said = refused.expect_err("nobody listens there").to_string();
    assert!(said.contains("127.0.0.1:1"), "{said}");
    let missing = Sessions::builder("memory:").connect().await.expect_err("no namespace").to_string();
    assert!(missing.contains("namespace"), "{missing}");
    for (url, word) in [("http://127.0.0.1", "url"), ("redis://:s3cret@h/x", "url"), ("", "url")] {
        let said = Sessions::builder(url).namespace("away").connect_lazy().expect_err("not a store").to_string();
        assert!(said.contains(word) && !said.contains("s3cret"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_requests_reply_never_reaches_another_request() {
    let server = Server::start(&[]);
    let sessions = connect(&server, |with| with.connections(1)).await;
    let mut tokens = Vec::new();
    for number in 0..20 {
        let session = sessions.open(None, ClientInfo::new()).await.expect("there");
        session.insert("number", &number).expect("legal");
        session.save().await.expect("there").into_result().expect("saved");
        tokens.push(token(&session));
    }
    for round in 0..300 {
        let number = round % tokens.len();
        let wait = Duration::from_micros(fastrand::u64(0..400));
        let opening = sessions.open(Some(&tokens[(number + 1) % tokens.len()]), ClientInfo::new());
        let _ = tokio::time::timeout(wait, opening).await;
        let session = sessions.open(Some(&tokens[number]), ClientInfo::new()).await.expect("there");
        assert_eq!(session.require::<usize>("number").expect("stored"), number);
    }
}

#[tokio::test]
async fn a_failed_increment_is_not_added_to_a_later_one() {
    let server = Server::start(&[]);
    let sessions = connect(&server, |with| with).await;
    let draft = sessions.open(None, ClientInfo::new()).await.expect("there");
    server.stop();
    assert!(draft.increment("n", 1).await.is_err());
    assert!(!draft.is_dirty());
    server.go_on();
    until("the server is back", || async { sessions.ping().await.is_ok() }).await;
    assert_eq!(draft.increment("n", 1).await.expect("there"), 1);
}

#[tokio::test]
async fn a_health_check_returns_within_half_a_second_whatever_the_budget() {
    let server = Server::start(&[]);
    let sessions = connect(&server, |with| with.budget(Duration::from_secs(20))).await;
    server.stop();
    let begun = std::time::Instant::now();
    assert!(matches!(sessions.ping().await, Err(Error::Unavailable(_))));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}, with room for a busy machine", begun.elapsed());
    server.go_on();
}

#[tokio::test]
async fn doctor_takes_one_budget_in_total_on_a_hung_server() {
    let server = Server::start(&[]);
    let sessions = connect(&server, |with| with.budget(Duration::from_secs(2))).await;
    server.stop();
    let begun = std::time::Instant::now();
    let examined = sessions.doctor().await;
    let took = begun.elapsed();
    server.go_on();
    assert!(matches!(examined, Err(Error::Unavailable(_))), "{examined:?}");
    assert!(took < Duration::from_millis(2_900), "{took:?}");
}
