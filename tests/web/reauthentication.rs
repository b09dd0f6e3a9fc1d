//! Requests that overlap a re-authentication in another tab, R48; and handlers that report unsaved changes themselves.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::{
    ClientInfo, EndOutcome, Error, LimitExceeded, Limits, Login, LoginOutcome, RotateOutcome, SaveOutcome, Session,
};

use super::framework::{App, Uri};
use super::visitor::{Reply, Visitor, stage};
use crate::common::{Stage, login, token};

const MINUTE: Duration = Duration::from_secs(61);

/// A logged-in visitor, with a field `n` of 1.
async fn ada(stage: &Stage) -> Visitor {
    let app = App::of(&stage.sessions, |session: Session| async move {
        session.insert("n", &1)?;
        assert!(matches!(session.login(Login::new("ada").keep(["n"])).await?, LoginOutcome::As(_)));
        Ok::<_, Error>("")
    });
    let mut visitor = Visitor::of(&app);
    assert!(visitor.get("/").await.token().is_some());
    visitor
}

/// Another tab of this visitor logs in again; returns its new token.
async fn elsewhere(stage: &Stage, held: &str) -> String {
    let other = stage.open(held).await;
    login(&other, "ada").await;
    token(&other)
}

/// The response to a request whose handler changes `n` to 2 the given time after another tab has logged in again, perhaps
/// after a rotation; and the stored value.
async fn overtaken(ago: Duration, rotates: bool) -> (u16, String, Option<String>, Option<i32>) {
    let stage = Arc::new(stage().await);
    let visitor = ada(&stage).await;
    let (held, of_handler) = (visitor.held().to_owned(), Arc::clone(&stage));
    let handler = move |session: Session| {
        let (stage, held) = (Arc::clone(&of_handler), held.clone());
        async move {
            if rotates {
                assert_eq!(session.rotate().await?, RotateOutcome::Rotated);
            }
            let fresh = elsewhere(&stage, &held).await;
            stage.advance(ago).await;
            session.insert("n", &2)?;
            Ok::<_, Error>(fresh)
        }
    };
    let answer = visitor.on(&App::of(&stage.sessions, handler)).get("/").await;
    let cookie = answer.set_cookie().map(|cookie| cookie.join("; "));
    let stored = match answer.status {
        200 => stage.open(&answer.body).await.get("n").expect("a number"),
        _ => None,
    };
    (answer.status, answer.body, cookie, stored)
}

#[tokio::test]
async fn a_request_overtaken_by_a_reauthentication_is_saved_without_a_cookie() {
    for rotates in [false, true] {
        let (status, _, cookie, stored) = overtaken(Duration::ZERO, rotates).await;
        assert_eq!((status, stored), (200, Some(2)));
        assert_eq!(cookie, None, "the browser has the new login's");
    }
}

#[tokio::test]
async fn a_write_a_minute_after_a_reauthentication_is_409_and_sets_no_cookie() {
    for rotates in [false, true] {
        let (status, body, cookie, _) = overtaken(MINUTE, rotates).await;
        assert_eq!((status, body.as_str(), cookie), (409, r#"{"ended":null}"#, None));
    }
}

/// Makes a change that would override the handler's own response.
async fn obstruct(way: &str, session: &Session, stage: &Stage, held: &str) -> Result<(), Error> {
    session.insert("n", &2)?;
    match way {
        "a conflict" => {
            stage.open(held).await.increment("other", 1).await?;
            assert_eq!(session.save_if_unchanged().await?, SaveOutcome::Conflict);
            session.insert("n", &1)?; // as it was
        }
        "an old login" => {
            elsewhere(stage, held).await;
            stage.advance(MINUTE).await;
            assert_eq!(session.save().await?, SaveOutcome::Conflict);
            session.insert("m", &1)?;
        }
        "a login conflict" => {
            elsewhere(stage, held).await;
            stage.advance(MINUTE).await;
            assert_eq!(session.login(Login::new("ada")).await?, LoginOutcome::Conflict);
        }
        "a superseded logout" => {
            elsewhere(stage, held).await;
            stage.advance(MINUTE).await;
            assert_eq!(session.logout().await?, EndOutcome::Superseded);
        }
        "an increment's conflict" => {
            elsewhere(stage, held).await;
            stage.advance(MINUTE).await;
            assert!(matches!(session.increment("count", 1).await, Err(Error::Conflict)));
        }
        "an increment's end" => {
            stage.sessions.revoke_user("ada").await?;
            assert!(matches!(session.increment("count", 1).await, Err(Error::Gone(Some(_)))));
        }
        "a rotation's end" => {
            stage.sessions.revoke_user("ada").await?;
            assert!(matches!(session.rotate().await?, RotateOutcome::Gone(Some(_))));
        }
        "an end" => {
            stage.sessions.revoke_user("ada").await?;
            session.set_dirty(true);
        }
        _ => {
            let other = stage.open(held).await;
            other.insert("other", &1)?;
            other.save().await?.into_result()?;
            session.insert("third", &1)?;
            let refused = session.save().await;
            assert!(matches!(refused, Err(Error::Limit(LimitExceeded::Fields { most: 2 }))), "{refused:?}");
        }
    }
    Ok(())
}

/// Issue 10, 12: the client gets the handler's response.
#[tokio::test]
async fn after_a_discard_the_handlers_response_is_sent() {
    for (way, otherwise) in [
        ("a conflict", 409),
        ("an old login", 409),
        ("a login conflict", 409),
        ("a superseded logout", 409),
        ("an increment's conflict", 409),
        ("an increment's end", 409),
        ("a rotation's end", 409),
        ("an end", 409),
        ("too many fields", 413),
    ] {
        for (path, status) in [("/discard", 200), ("/", otherwise)] {
            let stage = Arc::new(super::stage(|with| with.limits(Limits::new().fields(2))).await);
            let visitor = ada(&stage).await;
            let (held, of_handler) = (visitor.held().to_owned(), Arc::clone(&stage));
            let handler = move |session: Session, uri: Uri| {
                let (stage, held) = (Arc::clone(&of_handler), held.clone());
                async move {
                    obstruct(way, &session, &stage, &held).await?;
                    if uri.path() == "/discard" {
                        session.discard();
                        assert!(!session.is_dirty() && session.get::<i32>("m")?.is_none(), "{way}");
                        assert_ne!(session.get::<i32>("n")?, Some(2), "{way}");
                    }
                    Ok::<_, Error>(Reply::text("the handler's"))
                }
            };
            let answer = visitor.on(&App::of(&stage.sessions, handler)).get(path).await;
            assert_eq!(answer.status, status, "{way} {path}");
            assert_eq!(answer.body == "the handler's", status == 200, "{way} {path}");
        }
    }
}

#[tokio::test]
async fn discarded_changes_are_not_stored_and_later_ones_are() {
    let stage = stage().await;
    let mut visitor = ada(&stage).await;
    let handler = |session: Session| async move {
        session.insert("n", &2)?;
        session.insert("dropped", &1)?;
        session.discard();
        session.insert("kept", &1)?;
        Ok::<_, Error>("")
    };
    visitor = visitor.on(&App::of(&stage.sessions, handler));
    assert_eq!(visitor.get("/").await.status, 200);
    let stored = stage.sessions.open(Some(visitor.held()), ClientInfo::new()).await.expect("there");
    assert_eq!((stored.names(), stored.get("n").ok()), (["kept", "n"].map(str::to_owned).into(), Some(Some(1))));
}
