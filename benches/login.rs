//! What do a login, a rotation and a logout cost, against a bare `GET` of the session's bytes?
//!
//! Timed: the operation alone; its sessions were opened before the round. Guests have four fields of 50 B, which the
//! login keeps; every user's index exists. 64 tasks on two connections over a Unix socket. Not timed: HTTP, cookies,
//! checking a password, which costs a thousand times as much. The control is a `GET` over as many connections.
//!
//! Known flaw: rounds that use sessions up end with their supply of 1,000, so they are shorter than `--seconds`.
//!
//! `cargo bench --bench login [-- --rounds 7 --seconds 0.5 --tasks 64]`

use std::sync::Arc;

use cloakroom::{Cap, ClientInfo, EndOutcome, Login, LoginOutcome, RotateOutcome, Session, Sessions};

mod common;

use common::Failure;
use common::fill::{Content, guests, opened, users};
use common::plan::Plan;
use common::redis::{PLACE, Redis, STORED};
use common::rounds::Rounds;

const CONTENT: Content = Content::new(4, 50);
const USERS: usize = 200;

struct Stage {
    sessions: Sessions,
    kept: Vec<Session>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[]);
    let redis = Redis::start().await;
    let sessions = redis.sessions("login", |with| with).await?;
    let tokens = users(&sessions, (0..STORED).map(|number| format!("kept{number}")), 1, CONTENT).await?;
    let control = redis.control("login").await?;
    let kept = opened(&sessions, tokens).await?;
    let stage = Arc::new(Stage { sessions, kept });
    let mut rounds = Rounds::new(&plan);
    rounds.group("identity");
    control.row(&mut rounds);
    rounds.supplied("login of a guest, keeping 4 fields", &stage, guests_at_hand, |_, guest| async move {
        log_in(&guest, Login::new(user()).keep(CONTENT.names())).await
    });
    rounds.row("login of a new visitor at the cap of 5, evicting", &stage, |stage, number| async move {
        let visitor = stage.sessions.open(None, ClientInfo::new()).await?;
        log_in(&visitor, Login::new(format!("capped{}", number % USERS)).cap(Cap::evict(5))).await
    });
    rounds.row("login again, the same user", &stage, |stage, number| async move {
        let session = &stage.kept[number % STORED];
        log_in(session, Login::new(session.user().ok_or("logged out")?)).await
    });
    rounds.supplied("rotate", &stage, users_at_hand, |_, session| async move {
        match session.rotate().await? {
            RotateOutcome::Rotated => Ok(()),
            other => Err(format!("{other:?}").into()),
        }
    });
    rounds.supplied("logout of a user", &stage, users_at_hand, |_, user| async move {
        match user.logout().await? {
            EndOutcome::Ended => Ok(()),
            other => Err(format!("{other:?}").into()),
        }
    });
    rounds.print(PLACE).await
}

fn user() -> String {
    format!("user{}", fastrand::usize(..USERS))
}

async fn log_in(session: &Session, login: Login) -> Result<(), Failure> {
    match session.login(login).await? {
        LoginOutcome::As(_) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

async fn guests_at_hand(stage: Arc<Stage>) -> Result<Vec<Session>, Failure> {
    let tokens = guests(&stage.sessions, STORED, CONTENT).await?;
    opened(&stage.sessions, tokens).await
}

async fn users_at_hand(stage: Arc<Stage>) -> Result<Vec<Session>, Failure> {
    let tokens = users(&stage.sessions, (0..STORED).map(|_| user()), 1, CONTENT).await?;
    opened(&stage.sessions, tokens).await
}
