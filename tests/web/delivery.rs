//! Requests whose response never reaches the client: the sessions and secrets made for it are ended. R29.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cloakroom::{Cap, Error, Login, LoginOutcome, Session};
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::framework::App;
use super::visitor::{Reply, Request, stage, stored};
use crate::cancel::{Drops, dropped};
use crate::common::{Stage, until};

/// Longer than an undelivered session lives.
const A_WHILE: Duration = Duration::from_secs(6);

/// Lets the crate's timers expire without waiting. Redis's clock stands still.
async fn pass(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

fn request(token: Option<&str>) -> Request {
    match token {
        Some(token) => Request::get("/").header("cookie", format!("__Host-id={token}")),
        None => Request::get("/"),
    }
}

/// The visitor's state before the request.
#[derive(Debug, Clone, Copy)]
enum Before {
    Nothing,
    Guest,
    Ada,
    /// A login, with its touch due.
    AdaForAMinute,
}

impl Before {
    async fn token(self, stage: &Stage) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Guest => Some(stage.guest().await.1),
            Self::Ada => Some(stage.user("ada").await.1),
            Self::AdaForAMinute => {
                let (_, token) = stage.user("ada").await;
                stage.advance(Duration::from_secs(61)).await;
                Some(token)
            }
        }
    }
}

/// Drops the request at every point. In the end each live session is one whose token somebody has.
async fn leaves_no_ownerless_session(before: Before, handler: impl Fn(&Stage) -> App) {
    let stage = stage().await;
    let app = handler(&stage);
    let mut held = Vec::new();
    let mut points = 0;
    'delivered: for after in 0.. {
        for woken in [false, true] {
            let token = before.token(&stage).await;
            held.extend(token.clone());
            if let Some(answer) = dropped(app.send(request(token.as_deref())), Drops { after, woken }).await {
                assert_eq!(answer.status, 200, "{}", answer.body);
                held.extend(answer.token());
                break 'delivered;
            }
            points += 1;
        }
    }
    assert!(points >= 3, "dropped at {points} points only");
    // Tasks that go on without the client finish first.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    pass(A_WHILE).await;
    until("each session that lives is somebody's", async || open(&stage, &held).await == stored(&stage.sessions).await)
        .await;
}

/// How many of these tokens open a session.
async fn open(stage: &Stage, held: &[String]) -> u64 {
    let mut open = 0;
    for token in held {
        open += u64::from(stage.open(token).await.id().is_some());
    }
    open
}

async fn logged_in(session: Session, login: Login) -> Result<&'static str, Error> {
    assert!(matches!(session.login(login).await?, LoginOutcome::As(_)));
    yield_now().await;
    Ok("in")
}

#[tokio::test]
async fn a_dropped_login_leaves_no_ownerless_session() {
    let app =
        |stage: &Stage| App::of(&stage.sessions, |session| logged_in(session, Login::new("eve").cap(Cap::evict(256))));
    leaves_no_ownerless_session(Before::Nothing, app).await;
    leaves_no_ownerless_session(Before::Guest, app).await;
}

#[tokio::test]
async fn a_dropped_reauthentication_leaves_no_ownerless_session() {
    let app =
        |stage: &Stage| App::of(&stage.sessions, |session| logged_in(session, Login::new("ada").cap(Cap::evict(256))));
    leaves_no_ownerless_session(Before::Ada, app).await;
}

#[tokio::test]
async fn a_reauthentication_dropped_during_a_touch_leaves_no_ownerless_session() {
    let app = |stage: &Stage| {
        App::of(&stage.sessions, |session| async move {
            // The touch is sent before the login.
            yield_now().await;
            logged_in(session, Login::new("ada").cap(Cap::evict(256))).await
        })
    };
    leaves_no_ownerless_session(Before::AdaForAMinute, app).await;
}

#[tokio::test]
async fn a_dropped_first_save_of_a_guest_leaves_no_ownerless_session() {
    let saved = |session: Session| async move {
        session.insert("n", &1)?;
        session.save().await?.into_result()?;
        yield_now().await;
        Ok::<_, Error>("")
    };
    leaves_no_ownerless_session(Before::Nothing, |stage| App::of(&stage.sessions, saved)).await;
    let unasked = |session: Session| async move {
        yield_now().await;
        session.insert("n", &1).map(|()| "")
    };
    leaves_no_ownerless_session(Before::Nothing, |stage| App::of(&stage.sessions, unasked)).await;
}

#[tokio::test]
async fn a_dropped_logout_that_keeps_a_field_leaves_no_ownerless_session() {
    let out = |session: Session| async move {
        session.insert("n", &1)?;
        let _ = session.logout_keeping(["n"]).await?;
        yield_now().await;
        Ok::<_, Error>("")
    };
    leaves_no_ownerless_session(Before::Ada, |stage| App::of(&stage.sessions, out)).await;
}

#[tokio::test]
async fn a_rotation_after_a_dropped_login_leaves_no_ownerless_session() {
    let app = |stage: &Stage| {
        App::of(&stage.sessions, |session: Session| async move {
            logged_in(session.clone(), Login::new("eve").cap(Cap::evict(256))).await?;
            let _ = session.rotate().await?;
            yield_now().await;
            Ok::<_, Error>("")
        })
    };
    leaves_no_ownerless_session(Before::Nothing, app).await;
}

#[tokio::test]
async fn a_rotation_whose_token_was_not_delivered_ends_nothing() {
    let stage = stage().await;
    let app = App::of(&stage.sessions, |session: Session| async move {
        let _ = session.rotate().await?;
        never().await
    });
    let (_, token) = stage.user("ada").await;
    hang_up(&app, Some(&token)).await;
    control(&stage).await;
    assert_eq!(stage.open(&token).await.user().as_deref(), Some("ada"));
}

thread_local! {
    static WAITS: Arc<Notify> = Arc::default();
}

/// Lets the client of this handler disconnect.
fn waits() {
    WAITS.with(|waits| waits.notify_one());
}

/// The end of a handler that sends no response.
async fn never() -> Result<&'static str, Error> {
    waits();
    pending().await
}

/// Sends a request, and disconnects once its handler waits.
async fn hang_up(app: &App, token: Option<&str>) {
    let waits = WAITS.with(Arc::clone);
    tokio::select! {
        _ = app.send(request(token)) => panic!("there is no response"),
        waiting = tokio::time::timeout(A_WHILE, waits.notified()) => waiting.expect("the handler waits"),
    }
}

/// Waits until the undelivered sessions of before would have been ended.
async fn control(stage: &Stage) {
    let app = App::of(&stage.sessions, |session: Session| async move {
        logged_in(session, Login::new("control")).await?;
        never().await
    });
    hang_up(&app, None).await;
    assert_eq!(stage.sessions.user("control").count().await.expect("the store is there"), 1);
    pass(A_WHILE).await;
    until("the control is ended", async || stage.sessions.user("control").count().await.is_ok_and(|live| live == 0))
        .await;
}

#[tokio::test]
async fn a_response_without_a_body_delivers_its_token() {
    let stage = stage().await;
    let mut held = Vec::new();
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 101), ("GET", 200), ("POST", 500)] {
        let app = App::of(&stage.sessions, move |session: Session| async move {
            logged_in(session, Login::new("ada").cap(Cap::evict(256))).await?;
            Ok::<_, Error>(Reply::status(status))
        });
        let answer = app.send(Request::new(method, "/")).await;
        held.push(answer.token().expect("the login was done"));
    }
    control(&stage).await;
    assert_eq!(open(&stage, &held).await, held.len() as u64);
}

#[tokio::test]
async fn a_token_taken_by_the_application_counts_as_delivered() {
    let stage = stage().await;
    let app = App::of(&stage.sessions, |session: Session| async move {
        logged_in(session.clone(), Login::new("ada")).await?;
        drop(session.token());
        never().await
    });
    hang_up(&app, None).await;
    control(&stage).await;
    assert_eq!(stage.sessions.user("ada").count().await.expect("the store is there"), 1);
}

#[tokio::test]
async fn a_rejecting_cap_has_room_6_s_after_an_undelivered_login() {
    let stage = super::stage(|builder| builder.cap(Cap::reject(1))).await;
    let slow = App::of(&stage.sessions, |session: Session| async move {
        let _ = session.login(Login::new("ada")).await?;
        never().await
    });
    let login = App::of(&stage.sessions, |session: Session| async move {
        let outcome = session.login(Login::new("ada")).await?;
        Ok::<_, Error>(if outcome == LoginOutcome::AtCap { "full" } else { "in" })
    });
    hang_up(&slow, None).await;
    assert_eq!(login.send(request(None)).await.body, "full");
    pass(A_WHILE).await;
    until("there is room", async || login.send(request(None)).await.body == "in").await;
    assert_eq!(login.send(request(None)).await.body, "full");
}

/// The call, or `None` if it panicked.
async fn caught<T>(call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(Poll::Ready(answer)) => Poll::Ready(Some(answer)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

async fn panics(session: Session) -> Result<&'static str, Error> {
    logged_in(session, Login::new("ada").cap(Cap::evict(256))).await?;
    panic!("as this test wants")
}

#[tokio::test]
async fn a_panic_ends_the_login_before_it_unless_caught_inside_the_layer() {
    let stage = stage().await;
    let outside = App::of(&stage.sessions, panics);
    assert!(caught(outside.send(request(None))).await.is_none());
    let inside =
        App::of(&stage.sessions, |session| async move { caught(panics(session)).await.map_or("caught", |_| "") });
    let answer = inside.send(request(None)).await;
    assert_eq!(answer.body, "caught");
    control(&stage).await;
    until("one is left", async || stage.sessions.user("ada").count().await.is_ok_and(|live| live == 1)).await;
    assert!(stage.open(&answer.token().expect("the login was done")).await.id().is_some());
}

#[tokio::test]
async fn a_login_dropped_by_its_handler_is_ended_despite_the_response() {
    let stage = stage().await;
    let mut held = Vec::new();
    for (after, again) in (1..6).flat_map(|after| [(after, false), (after, true)]) {
        let app = App::of(&stage.sessions, move |session: Session| async move {
            let login = session.login(Login::new("ada").cap(Cap::evict(256)));
            drop(dropped(login, Drops { after, woken: true }).await);
            if again {
                logged_in(session, Login::new("eve").cap(Cap::evict(256))).await?;
            }
            Ok::<_, Error>("an excuse")
        });
        held.extend(app.send(request(None)).await.token());
    }
    pass(A_WHILE).await;
    until("each session that lives is somebody's", async || open(&stage, &held).await == stored(&stage.sessions).await)
        .await;
}

#[tokio::test]
async fn a_detached_tasks_login_is_ended_when_the_task_is_done() {
    let stage = stage().await;
    let app = App::of(&stage.sessions, |session: Session| async move {
        let task = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let outcome = session.login(Login::new("ada")).await;
            assert!(matches!(outcome, Ok(LoginOutcome::As(_))), "{outcome:?}");
        });
        waits();
        drop(task.await);
        Ok::<_, Error>("")
    });
    hang_up(&app, None).await;
    let live = async || stage.sessions.user("ada").count().await.expect("the store is there");
    until("it is logged in", async || live().await == 1).await;
    pass(A_WHILE).await;
    until("it is ended", async || live().await == 0).await;
}

/// A guest's login that is pressed twice: the clicks that are delivered, in this order.
async fn pressed_twice(delivered: [bool; 2]) {
    let stage = stage().await;
    let guest = stage.guest().await.1;
    let login = || Login::new("ada").keep(["a"]);
    let slow = App::of(&stage.sessions, move |session: Session| async move {
        logged_in(session, login()).await?;
        never().await
    });
    let app = App::of(&stage.sessions, move |session| logged_in(session, login()));
    let mut held = Vec::new();
    for delivered in delivered {
        if delivered {
            held.extend(app.send(request(Some(&guest))).await.token());
        } else {
            hang_up(&slow, Some(&guest)).await;
        }
    }
    control(&stage).await;
    let live = u64::from(delivered != [false, false]);
    until("one session or none", async || stage.sessions.user("ada").count().await.is_ok_and(|now| now == live)).await;
    assert_eq!(held.len(), delivered.into_iter().filter(|delivered| *delivered).count());
    for token in &held {
        let session = stage.open(token).await;
        assert_eq!((session.user().as_deref(), session.get("a").expect("a number")), (Some("ada"), Some(1)));
    }
    let third = app.send(request(Some(&guest))).await;
    assert_eq!((third.status, third.token().is_some()), (200, true), "the button still works");
    assert_eq!(stage.sessions.user("ada").count().await.expect("the store is there"), 1);
}

#[tokio::test]
async fn the_delivered_one_of_two_clicks_keeps_the_session_and_the_cart() {
    for delivered in [[false, true], [true, false], [false, false]] {
        pressed_twice(delivered).await;
    }
}
