//! Tokens from clients are never trusted. R4, R5.

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
async fn a_right_id_with_a_wrong_secret_is_handled_as_unknown() {
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
async fn malformed_tokens_are_rejected_without_a_store_call() {
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
async fn no_bytes_in_a_cookie_header_cause_a_panic() {
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

/// What a slow and obvious reader finds under our name: the different values, of which ours opens the session.
fn values(headers: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let strip = |bytes: &[u8]| {
        let mut bytes: Vec<u8> = bytes.iter().copied().skip_while(blank).collect();
        while bytes.last().is_some_and(blank) {
            bytes.pop();
        }
        bytes
    };
    let mut values = Vec::new();
    for pair in headers.iter().flat_map(|header| header.split(|byte| *byte == b';')) {
        if let Some(at) = pair.iter().position(|byte| *byte == b'=')
            && strip(&pair[..at]) == b"__Host-id"
        {
            values.push(strip(&pair[at + 1..]));
        }
    }
    values.sort();
    values.dedup();
    values
}

#[tokio::test]
async fn near_misses_of_a_cookie_are_read_as_by_the_slow_parser() {
    let stage = stage().await;
    let (_, token) = stage.guest().await;
    let app = App::of(&stage.sessions, |session: Session| async move { session.id().is_some().to_string() });
    let mut random = fastrand::Rng::with_seed(11);
    let mut met = [0_u32; 2];
    for _ in 0..400 {
        let good = format!("a=b; __Host-id={token}; c=d").into_bytes();
        let mut headers = vec![good];
        for _ in 0..random.usize(0..3) {
            let (header, at) = (random.usize(0..headers.len()), random.usize(0..12));
            let text = &mut headers[header];
            let place = random.usize(0..=text.len());
            match at {
                0 => text.insert(place, b' '),
                1 => text.insert(place, b'\t'),
                2 => text.insert(place, b';'),
                3 => text.insert(place, b'='),
                4 => text.insert(place, b'"'),
                5 => drop(text.splice(place..place, *b"%48")),
                6 => text.extend_from_slice(b"; __Host-id=x"),
                7 => text.extend_from_slice(format!(";__Host-id = {token} ").as_bytes()),
                8 => headers.push(format!("__Host-id={token}").into_bytes()),
                9 => headers.push(b"__%48ost-id=x; __host-id=y; =; z".to_vec()),
                10 => text.insert(place, random.u8(128..)),
                _ => drop(text.remove(place.min(text.len() - 1))),
            }
        }
        let cookies: Vec<&[u8]> = headers.iter().map(Vec::as_slice).collect();
        let expected = values(&headers).iter().any(|value| value == token.as_bytes());
        met[usize::from(expected)] += 1;
        assert_eq!(get_with(&app, "/", &cookies).await.body, expected.to_string(), "{headers:?}");
    }
    assert!(met.iter().all(|count| *count > 40), "each answer is met often: {met:?}");
}
