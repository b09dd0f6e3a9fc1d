//! What does noting the use of a session cost: coalesced by the touch interval, and where it is due each time?
//!
//! Timed: `open` as a request makes it, of sessions of 200 B, from 64 tasks on two connections over a Unix socket. Where
//! a touch is due, it runs concurrently with the request; the third row waits for it. Not timed: HTTP, cookies. The
//! control is a bare `GET` of the same bytes over as many connections.
//!
//! Known flaw: a concurrent touch may still be in flight when its round ends, so a little of the second row's cost shows
//! in the row after it; the third bounds it from below.
//!
//! `cargo bench --bench touch [-- --rounds 7 --seconds 0.5 --tasks 64]`

use std::sync::Arc;
use std::time::Duration;

use cloakroom::{ClientInfo, Sessions, Timeouts};

mod common;

use common::Failure;
use common::fill::{Content, guests};
use common::plan::Plan;
use common::redis::{PLACE, Redis, STORED};
use common::rounds::Rounds;

struct Stage {
    sessions: Sessions,
    tokens: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[]);
    let redis = Redis::start().await;
    let coalesced = stage(&redis, "coalesced", Timeouts::new()).await?;
    let due = stage(&redis, "due", Timeouts::new().touch_interval(Duration::from_millis(1))).await?;
    let control = redis.control("coalesced").await?;
    let mut rounds = Rounds::new(&plan);
    rounds.group("touch");
    control.row(&mut rounds);
    rounds.row("open, used less than an interval ago", &coalesced, open);
    rounds.row("open, a touch due each time, beside it", &due, open);
    rounds.row("open, a touch due each time, awaited", &due, |stage, number| async move {
        let session = stage.sessions.peek(Some(&stage.tokens[number % STORED]), ClientInfo::new()).await?;
        session.touch().await?.ok_or("the session is gone")?;
        Ok(())
    });
    rounds.print(PLACE).await
}

async fn open(stage: Arc<Stage>, number: usize) -> Result<(), Failure> {
    std::hint::black_box(stage.sessions.open(Some(&stage.tokens[number % STORED]), ClientInfo::new()).await?);
    Ok(())
}

async fn stage(redis: &Redis, namespace: &str, timeouts: Timeouts) -> Result<Arc<Stage>, Failure> {
    let sessions = redis.sessions(namespace, |with| with.timeouts(timeouts)).await?;
    let tokens = guests(&sessions, STORED, Content::new(4, 50)).await?;
    Ok(Arc::new(Stage { sessions, tokens }))
}
