//! The save after the handler decides the response. R19.

use cloakroom::{
    ClientInfo, Error, Limits, Login, LoginOutcome, SaveOn, SaveOutcome, Session, SessionCookie, SessionLayer, Sessions,
};

use super::framework::{App, Uri};
use super::visitor::{Reply, Visitor, stage};

/// The same session in another request.
async fn elsewhere(sessions: &Sessions, token: &str) -> Result<Session, Error> {
    sessions.open(Some(token), ClientInfo::new()).await
}

/// A logged-in visitor, with a field `n` of 1.
async fn visitor(sessions: &Sessions) -> Visitor {
    let login = App::of(sessions, |session: Session| async move {
        session.insert("n", &1)?;
        assert!(matches!(session.login(Login::new("ada").keep(["n"])).await?, LoginOutcome::As(_)));
        Ok::<_, Error>(())
    });
    let mut visitor = Visitor::of(&login);
    assert!(visitor.get("/").await.token().is_some());
    visitor
}

async fn field(sessions: &Sessions, visitor: &Visitor) -> Option<i32> {
    elsewhere(sessions, visitor.held()).await.expect("the store is there").get("n").expect("a number")
}

#[tokio::test]
async fn a_handlers_changes_are_saved_implicitly() {
    for status in [200, 204, 303, 404, 422] {
        let stage = stage().await;
        let sessions = stage.sessions.clone();
        let mut visitor = visitor(&sessions).await.on(&App::of(&sessions, move |session: Session| async move {
            session.insert("n", &2)?;
            Ok::<_, Error>(Reply::status(status))
        }));
        let answer = visitor.get("/").await;
        assert_eq!((answer.status, answer.set_cookie()), (status, None));
        assert_eq!(field(&sessions, &visitor).await, Some(2));
    }
}

#[tokio::test]
async fn after_a_server_error_nothing_pending_is_saved() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let mut visitor = visitor(&sessions).await.on(&App::of(&sessions, |session: Session| async move {
        session.insert("n", &2)?;
        Ok::<_, Error>(Reply::status(500))
    }));
    assert_eq!(visitor.get("/").await.status, 500);
    assert_eq!(field(&sessions, &visitor).await, Some(1));
}

#[tokio::test]
async fn after_a_server_error_changes_are_saved_if_configured() {
    async fn fails(session: Session) -> Result<Reply, Error> {
        session.insert("n", &2)?;
        Ok(Reply::status(500))
    }
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let layer = || SessionLayer::new(sessions.clone());
    let cookie = || SessionCookie::new().same_site(cloakroom::SameSite::Strict);
    for layer in [
        layer().save_on(SaveOn::Always),
        layer().save_on(SaveOn::Always).cookie(cookie()).expect("browsers take it"),
        layer().cookie(cookie()).expect("browsers take it").save_on(SaveOn::Success).save_on(SaveOn::Always),
    ] {
        let app = App::default().route("/", fails).layer(layer);
        let mut visitor = visitor(&sessions).await.on(&app);
        assert_eq!(visitor.get("/").await.status, 500);
        assert_eq!(field(&sessions, &visitor).await, Some(2));
        assert!(Visitor::of(&app).get("/").await.token().is_some(), "a new session");
    }
}

#[tokio::test]
async fn a_save_that_fails_after_a_server_error_leaves_the_handlers_response() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let handler = {
        let sessions = sessions.clone();
        move |session: Session| {
            let sessions = sessions.clone();
            async move {
                sessions.revoke_user("ada").await?;
                session.insert("n", &2)?;
                Ok::<_, Error>(Reply::status(502).body("the handler's"))
            }
        }
    };
    let layer = SessionLayer::new(sessions.clone()).save_on(SaveOn::Always);
    let app = App::default().route("/", handler).layer(layer);
    let answer = visitor(&sessions).await.on(&app).get("/").await;
    assert_eq!((answer.status, answer.body.as_str()), (502, "the handler's"));
    assert!(answer.removes_cookie(), "it was found ended");
}

#[tokio::test]
async fn a_login_rotation_or_logout_keeps_its_cookie_after_a_server_error() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let mut visitor = visitor(&sessions).await.on(&App::of(&sessions, |session: Session, uri: Uri| async move {
        match uri.path() {
            "/login" => drop(session.login(Login::new("ada")).await?),
            "/rotate" => drop(session.rotate().await?),
            _ => drop(session.logout().await?),
        }
        Ok::<_, Error>(Reply::status(502))
    }));
    for path in ["/login", "/rotate"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 502);
        assert!(answer.token().is_some(), "{path}");
    }
    assert_eq!(field(&sessions, &visitor).await, Some(1), "the token that was set is the right one");
    assert!(visitor.get("/logout").await.removes_cookie());
}

#[tokio::test]
async fn a_503_sets_the_cookie_only_to_a_token_that_is_stored() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let handler = |session: Session, uri: Uri| async move {
        let found = session.ended();
        if uri.path() == "/login" {
            assert!(matches!(session.login(Login::new("ada")).await?, LoginOutcome::As(_)));
        }
        Ok::<_, Error>(Reply::status(503).body(format!("{found:?}")))
    };
    let mut visitor = visitor(&sessions).await.on(&App::of(&sessions, handler));
    sessions.revoke_user("ada").await.expect("the store is there");
    let answer = visitor.get("/").await;
    assert_eq!((answer.body.as_str(), answer.set_cookie()), ("Some(Revoked)", None));
    assert!(visitor.get("/login").await.token().is_some());
}

#[tokio::test]
async fn a_write_to_a_session_that_ended_meanwhile_is_409_with_the_reason() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let handler = {
        let sessions = sessions.clone();
        move |session: Session| {
            let sessions = sessions.clone();
            async move {
                sessions.revoke_user("ada").await?;
                session.insert("n", &2)?;
                Ok::<_, Error>("done")
            }
        }
    };
    let mut visitor = visitor(&sessions).await.on(&App::of(&sessions, handler));
    let answer = visitor.get("/").await;
    assert_eq!((answer.status, answer.body.as_str()), (409, r#"{"ended":"revoked"}"#));
    assert_eq!(answer.all("content-type"), ["application/json"]);
    assert!(answer.removes_cookie());
}

#[tokio::test]
async fn a_session_that_others_filled_meanwhile_is_413() {
    let stage = super::stage(|builder| builder.limits(Limits::new().fields(2))).await;
    let sessions = stage.sessions.clone();
    let visitor = visitor(&sessions).await;
    let handler = {
        let (sessions, token) = (sessions.clone(), visitor.held().to_owned());
        move |session: Session| {
            let (sessions, token) = (sessions.clone(), token.clone());
            async move {
                let other = elsewhere(&sessions, &token).await?;
                other.insert("other", &1)?;
                other.save().await?.into_result()?;
                session.insert("third", &1)?;
                Ok::<_, Error>("done")
            }
        }
    };
    let answer = visitor.on(&App::of(&sessions, handler)).get("/").await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.body, r#"{"error":"the session would have more than 2 fields"}"#);
}

/// Another request writes 5, and then this one's 2 is rejected.
async fn refuse_a_change(session: &Session, sessions: &Sessions, token: &str) -> Result<(), Error> {
    let other = elsewhere(sessions, token).await?;
    other.insert("n", &5)?;
    other.save().await?.into_result()?;
    session.insert("n", &2)?;
    assert_eq!(session.save_if_unchanged().await?, SaveOutcome::Conflict);
    Ok(())
}

/// I-15: a change reported as not stored is not stored later.
#[tokio::test]
async fn conflicting_changes_are_not_saved_with_the_response() {
    for (save_on, status) in [(SaveOn::Success, 409), (SaveOn::Success, 200), (SaveOn::Always, 500)] {
        let stage = stage().await;
        let sessions = stage.sessions.clone();
        let mut visitor = visitor(&sessions).await;
        let (token, of_handler) = (visitor.held().to_owned(), sessions.clone());
        let handler = move |session: Session| {
            let (sessions, token) = (of_handler.clone(), token.clone());
            async move {
                refuse_a_change(&session, &sessions, &token).await?;
                Ok::<_, Error>(Reply::status(status).body("the handler's"))
            }
        };
        let layer = SessionLayer::new(sessions.clone()).save_on(save_on);
        visitor = visitor.on(&App::default().route("/", handler).layer(layer));
        let answer = visitor.get("/").await;
        assert_eq!((answer.status, answer.body.as_str()), (status, "the handler's"));
        assert_eq!(field(&sessions, &visitor).await, Some(5), "the other's write stands");
    }
}

#[tokio::test]
async fn after_a_conflict_only_a_change_after_a_reload_is_saved() {
    for (path, status, stored) in [("/reload", 200, 6), ("/", 409, 5)] {
        let stage = stage().await;
        let sessions = stage.sessions.clone();
        let mut visitor = visitor(&sessions).await;
        let (token, of_handler) = (visitor.held().to_owned(), sessions.clone());
        visitor = visitor.on(&App::of(&sessions, move |session: Session, uri: Uri| {
            let (sessions, token) = (of_handler.clone(), token.clone());
            async move {
                refuse_a_change(&session, &sessions, &token).await?;
                if uri.path() == "/reload" {
                    session.reload().await?;
                }
                session.insert("n", &(session.get::<i32>("n")?.unwrap_or_default() + 1))?;
                Ok::<_, Error>(Reply::status(200))
            }
        }));
        assert_eq!(visitor.get(path).await.status, status, "{path}");
        assert_eq!(field(&sessions, &visitor).await, Some(stored), "{path}");
    }
}
