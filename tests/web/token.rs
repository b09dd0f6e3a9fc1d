//! What a client sends as a token is never believed. R4, R5.

use cloakroom::{Error, Session, SessionToken};

use super::framework::App;
use super::outage::away;
use super::visitor::{Visitor, get_with, stage, stored};

async fn hits(session: Session) -> Result<String, Error> {
    Ok(session.increment("hits", 1).await?.to_string())
}

async fn look(session: Session) -> String {
    format!("{:?} {:?}", session.id(), session.ended())
}

fn cookie(token: &str) -> Vec<u8> {
    format!("__Host-id={token}").into_bytes()
}

/// A token of another program's sessions: well formed, unknown here.
async fn foreign() -> String {
    let stage = stage().await;
    let elsewhere = App::of(&stage.sessions, hits);
    let mut visitor = Visitor::of(&elsewhere);
    visitor.get("/").await;
    visitor.held().to_owned()
}

#[tokio::test]
async fn a_token_of_the_clients_choice_names_no_session_and_is_never_adopted() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let chosen = foreign().await;
    let seen = get_with(&App::of(&sessions, look), "/", &[&cookie(&chosen)]).await;
    assert_eq!((seen.body.as_str(), seen.set_cookie()), ("None None", None), "left alone until a write");
    assert_eq!(stored(&sessions).await, 0);

    let written = get_with(&App::of(&sessions, hits), "/", &[&cookie(&chosen)]).await;
    let given = written.token().expect("a new session");
    let id = |token: &str| SessionToken::parse(token).expect("a token").id();
    assert_ne!(id(&given), id(&chosen));
    let again = get_with(&App::of(&sessions, look), "/", &[&cookie(&chosen)]).await;
    assert_eq!(again.body, "None None");
}

#[tokio::test]
async fn a_right_id_with_a_wrong_secret_is_as_good_as_unknown() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let mut visitor = Visitor::of(&App::of(&sessions, hits));
    visitor.get("/").await;
    let right = visitor.held();
    let wrong = format!("{}{}", &right[..32], right[32..].chars().rev().collect::<String>());
    assert!(
        SessionToken::parse(&wrong)
            .is_ok_and(|wrong| Some(wrong.id()) == SessionToken::parse(right).ok().map(|right| right.id()))
    );
    let seen = get_with(&App::of(&sessions, look), "/", &[&cookie(&wrong)]).await;
    assert_eq!((seen.body.as_str(), seen.set_cookie()), ("None None", None));
    let seen = get_with(&App::of(&sessions, look), "/", &[&cookie(right)]).await;
    assert!(seen.body.starts_with("Some("), "{}", seen.body);
}

#[tokio::test]
async fn malformed_tokens_are_refused_without_asking_the_store() {
    let app = App::of(&away(), look);
    let token = foreign().await;
    let huge = "A".repeat(1 << 20);
    for bad in ["", "x", &token[..63], &format!("{token}A"), &token.replace(char::is_alphanumeric, "+"), &huge] {
        let answer = get_with(&app, "/", &[&cookie(bad)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "None None"), "{} bytes", bad.len());
        assert_eq!(answer.set_cookie(), None);
    }
    let quoted = get_with(&app, "/", &[&cookie(&format!("\"{token}\""))]).await;
    assert_eq!(quoted.body, "None None", "quotes are part of the value");
    let latin = [&cookie(&token[..63])[..], b"\xe9"].concat();
    assert_eq!(get_with(&app, "/", &[&latin]).await.body, "None None", "not UTF-8");
}

#[tokio::test]
async fn no_bytes_in_a_cookie_header_make_the_server_panic() {
    let stage = stage().await;
    let app = App::of(&stage.sessions, look);
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..2_000 {
        let mut header = b"__Host-id=".to_vec();
        let bytes = std::iter::repeat_with(|| random.u8(..)).filter(|byte| *byte == 9 || *byte >= 32 && *byte != 127);
        header.extend(bytes.take(64));
        assert_eq!(get_with(&app, "/", &[&header]).await.status, 200);
    }
}
