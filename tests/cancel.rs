//! R33: a call that is dropped at any await point leaves the state of before or after it.
//!
//! Every asynchronous operation of the public API is polled 0, 1, 2, ... times and then dropped, until it finishes by
//! itself. The stored state is then as before the call or as after it, the handle and its connection go on, and the same
//! call can be made again.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use look::Look;
use operations::{ALL_BUCKETS, OPERATIONS};
use scene::{Back, Scene};

use crate::common::server::Server;

mod look;
mod operations;
mod scene;

/// When a call is dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drops {
    /// After n polls.
    pub(crate) after: usize,
    /// Whether at once, or when it could go on: then a reply that has arrived is lost.
    pub(crate) woken: bool,
}

impl Drops {
    const NEVER: Self = Self { after: usize::MAX, woken: false };
}

/// Polls a call, and drops it; `None` if it had not finished.
pub(crate) async fn dropped<T>(call: impl Future<Output = T>, when: Drops) -> Option<T> {
    let mut call = pin!(call);
    let mut polls = 0;
    poll_fn(move |context| {
        if polls == when.after {
            return Poll::Ready(None);
        }
        polls += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if polls == when.after && !when.woken => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Drops one operation at every point; returns how many there were.
async fn at_every_point(back: &Back, operation: &str) -> usize {
    let before = Scene::new(back, operation).await.look().await;
    let after = run(back, operation, Drops::NEVER).await.expect("it finishes");
    let (mut points, mut polls) = (0, 0);
    let walks = operation.contains(ALL_BUCKETS);
    loop {
        for woken in if walks { &[true][..] } else { &[false, true] } {
            let when = Drops { after: polls, woken: *woken };
            let Some(look) = run(back, operation, when).await else { return points };
            assert!(look == before || look == after, "{operation}, {when:?}: {look:#?}\n{before:#?}\n{after:#?}");
            points += 1;
        }
        polls = if walks && polls > 1 { polls * 8 } else { polls + 1 };
        if walks && polls > 1000 {
            // Thousands of buckets are all alike.
            return points;
        }
    }
}

/// Whether the call goes on when it is dropped.
fn goes_on(operation: &str) -> bool {
    ["logout", "invalidate", "reset", "revoke"].iter().any(|end| operation.contains(end))
}

/// The stored state after a dropped call; `None` if the call finished before it could be dropped.
async fn run(back: &Back, operation: &str, when: Drops) -> Option<Look> {
    let scene = Scene::new(back, operation).await;
    let finished = dropped(scene.call(operation), when).await;
    if let Some(answer) = finished {
        answer.unwrap_or_else(|error| panic!("{operation}: {error:?}"));
        if when.after < usize::MAX {
            return None;
        }
    }
    let look = scene.settled().await;
    scene.goes_on(operation).await;
    Some(look)
}

#[tokio::test]
async fn a_call_dropped_at_any_point_leaves_redis_as_before_or_after_it() {
    let back = Back::redis(Arc::new(Server::start(&[])), Duration::from_millis(1)).await;
    for operation in OPERATIONS {
        let points = at_every_point(&back, operation).await;
        assert!(points >= 4, "{operation} was dropped at {points} points only: was it asked over the network?");
    }
}

#[tokio::test]
async fn a_call_dropped_while_connecting_leaves_redis_as_before_or_after_it() {
    let back = Back::redis(Arc::new(Server::start(&[])), Duration::from_millis(1)).await.cold();
    for operation in OPERATIONS.into_iter().filter(|operation| !operation.contains(ALL_BUCKETS)) {
        let points = at_every_point(&back, operation).await;
        // A call that goes on in a task of its own is polled less often.
        let least = if goes_on(operation) { 4 } else { 6 };
        assert!(points >= least, "{operation} was dropped at {points} points only: did it connect?");
    }
}

#[tokio::test]
async fn a_dropped_call_leaves_the_embedded_store_as_before_or_after_it() {
    for operation in OPERATIONS {
        at_every_point(&Back::Memory, operation).await;
    }
}
