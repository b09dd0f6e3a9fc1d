//! How do listing and revoking a user's sessions grow with their number: 1, 16, 256?
//!
//! Timed: `UserSessions::list` and `revoke_all` of sessions with four fields of 50 B and a user agent, from 64 tasks on
//! the default connections over a Unix socket. Not timed: storing the sessions. The control is a bare `GET` of one
//! session's bytes over as many connections; an index of 256 holds 256 times that.
//!
//! Known flaw: a round of revoking ends with its supply of 4,096 sessions, 16 users of 256.
//!
//! `cargo bench --bench user [-- --rounds 7 --seconds 0.5 --tasks 64]`

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom::{Cap, Sessions};

mod common;

use common::Failure;
use common::fill::{Content, users};
use common::plan::Plan;
use common::redis::{PLACE, Redis};
use common::rounds::Rounds;

const CONTENT: Content = Content::new(4, 50);
/// Of each size, so that 64 tasks do not all read one key.
const USERS: usize = 16;
const SUPPLY: usize = 4096;

struct Stage {
    sessions: Sessions,
    each: usize,
    rounds: AtomicUsize,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[]);
    let redis = Redis::start().await;
    let sessions = redis.sessions("user", |with| with.cap(Cap::evict(256))).await?;
    let mut rounds = Rounds::new(&plan);
    for each in [1, 16, 256] {
        users(&sessions, (0..USERS).map(|number| format!("{each}-{number}")), each, CONTENT).await?;
        let control = redis.control("user").await?;
        let stage = Arc::new(Stage { sessions: sessions.clone(), each, rounds: AtomicUsize::new(0) });
        rounds.group(format!("{each} sessions"));
        rounds.row(format!("control: GET of {} B", control.bytes), &control, |control, number| async move {
            std::hint::black_box(control.get(number).await?);
            Ok(())
        });
        rounds.row(format!("list {each}"), &stage, |stage, number| async move {
            let listed = stage.sessions.user(format!("{}-{}", stage.each, number % USERS)).list().await?;
            expect(stage.each, listed.len())
        });
        rounds.supplied(format!("revoke all {each}"), &stage, prepare, |stage, user| async move {
            expect(stage.each, stage.sessions.revoke_user(user).await?.ended as usize)
        });
    }
    rounds.print(PLACE).await
}

/// Users with so many sessions each, to be revoked.
async fn prepare(stage: Arc<Stage>) -> Result<Vec<String>, Failure> {
    let round = stage.rounds.fetch_add(1, Ordering::Relaxed);
    let names: Vec<String> =
        (0..SUPPLY / stage.each).map(|number| format!("r{round}-{}-{number}", stage.each)).collect();
    users(&stage.sessions, names.iter().cloned(), stage.each, CONTENT).await?;
    Ok(names)
}

fn expect(wanted: usize, found: usize) -> Result<(), Failure> {
    if wanted == found { Ok(()) } else { Err(format!("{found} sessions instead of {wanted}").into()) }
}
