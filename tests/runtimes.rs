//! Calls outside any Tokio runtime: they run on the runtime that connected the store, or fail.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::Duration;

use cloakroom::{ClientInfo, EndOutcome, Error, Sessions};
use tokio::runtime::{Builder, Runtime};

use crate::common::place::Place;
use crate::common::{Stage, login, stage_at, token};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future as an executor other than Tokio's does.
fn wait<F: Future>(future: F) -> F::Output {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        thread::park_timeout(Duration::from_secs(1));
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// A store connected in this runtime, and the token of a session that is due for a touch.
async fn scene() -> (Stage, String) {
    let stage = stage_at(Place::own(), |with| with).await;
    let session = stage.draft().await;
    login(&session, "ada").await;
    stage.advance(Duration::from_secs(10 * 60)).await;
    (stage, token(&session))
}

#[test]
fn open_notes_a_use_and_logout_ends_outside_a_runtime() {
    let runtime = runtime();
    let (stage, token) = runtime.block_on(scene());
    let sessions = &stage.sessions;
    let open = || wait(sessions.open(Some(&token), ClientInfo::new())).expect("the server is there");
    let left = || wait(sessions.peek(Some(&token), ClientInfo::new())).expect("there").time_left();
    let (before, session, other) = (left(), open(), open());
    assert!(left() > before, "the use was noted when `open` returned");
    session.insert("a", &1).expect("legal");
    wait(session.save()).expect("there").into_result().expect("saved");
    assert_eq!(wait(session.logout()).expect("there"), EndOutcome::Ended);
    assert!(matches!(wait(other.logout()), Ok(EndOutcome::AlreadyEnded(Some(_)))));
    assert!(open().id().is_none());
}

#[test]
fn revocation_sweep_and_doctor_work_outside_a_runtime() {
    let runtime = runtime();
    let (stage, token) = runtime.block_on(scene());
    let sessions = &stage.sessions;
    assert_eq!(wait(sessions.user("ada").list()).expect("there").len(), 1);
    assert!(!wait(sessions.doctor()).expect("there").is_empty());
    assert_eq!(wait(sessions.revoke_user("ada")).expect("there").ended, 1);
    let _ = wait(sessions.sweep()).expect("there");
    assert!(wait(sessions.open(Some(&token), ClientInfo::new())).expect("there").id().is_none());
    assert_eq!(wait(sessions.revoke_all(|_| {})).expect("there").ended, 0);
}

#[test]
fn a_call_outside_a_runtime_fails_once_the_connecting_runtime_has_ended() {
    let runtime = runtime();
    let (stage, token) = runtime.block_on(scene());
    drop(runtime);
    let opened = wait(stage.sessions.open(Some(&token), ClientInfo::new()));
    assert!(matches!(opened, Err(Error::Unavailable(_))), "{opened:?}");
    assert!(wait(stage.sessions.revoke_user("ada")).is_err());
}

#[test]
fn a_store_never_used_in_a_runtime_fails_and_works_in_a_later_one() {
    let server = crate::common::server::Server::start(&[]);
    let sessions = Sessions::builder(server.url()).namespace("outside").connect_lazy().expect("fine settings");
    assert!(matches!(wait(sessions.ping()), Err(Error::Unavailable(_))));
    let runtime = runtime();
    runtime.block_on(sessions.ping()).expect("the server is there");
    wait(sessions.ping()).expect("the server is there");
}
