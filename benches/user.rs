//! How does each operation grow with the number of the user's sessions: 1, 16, 256?
//!
//! Timed: a load, a touch, a save, a rotation of one of them, a login of one more at that cap, `UserSessions::list` and
//! `revoke_all`, of sessions with four fields of 50 B, from 64 tasks on the default connections over a Unix socket. Not
//! timed: storing the sessions. The control is a bare `GET` of one session's bytes over as many connections; an index of
//! 256 holds 256 times that.
//!
//! Known flaws: a round of revoking ends with its supply of 4,096 sessions, 16 users of 256; 64 tasks log 16 users in, so
//! some logins find the index changed and are retried; a touch is due each time.
//!
//! `cargo bench --bench user [-- --rounds 7 --seconds 0.5 --tasks 64]`

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom::{Cap, ClientInfo, Login, LoginOutcome, Session, Sessions, Timeouts};

mod common;

use common::Failure;
use common::fill::{Content, opened, users};
use common::plan::Plan;
use common::redis::{PLACE, Redis};
use common::rounds::Rounds;

const CONTENT: Content = Content::new(4, 50);
/// Of each size, so that 64 tasks do not all read one key.
const USERS: usize = 16;
/// Single sessions that are used, at every size: operations of one handle wait for each other.
const KEPT: usize = 1024;
const SUPPLY: usize = 4096;

struct Stage {
    sessions: Sessions,
    each: usize,
    kept: Vec<Session>,
    rounds: AtomicUsize,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[]);
    let redis = Redis::start().await;
    let always = Timeouts::new().touch_interval(Duration::from_millis(1));
    let sessions = redis.sessions("user", |with| with.cap(Cap::evict(256)).timeouts(always)).await?;
    let mut rounds = Rounds::new(&plan);
    for each in [1, 16, 256] {
        let many = USERS.max(KEPT / each);
        let mut tokens = users(&sessions, (0..many).map(|number| format!("{each}-{number}")), each, CONTENT).await?;
        tokens.truncate(KEPT);
        users(&sessions, (0..USERS).map(|number| format!("full-{each}-{number}")), each, CONTENT).await?;
        let kept = opened(&sessions, tokens).await?;
        let control = redis.control("user").await?;
        let stage = Arc::new(Stage { sessions: sessions.clone(), each, kept, rounds: AtomicUsize::new(0) });
        rounds.group(format!("{each} sessions"));
        control.row(&mut rounds);
        rounds.row("load", &stage, |stage, number| async move { Ok(stage.kept(number).reload().await?) });
        rounds.row("touch", &stage, |stage, number| async move {
            stage.kept(number).touch().await?.ok_or("the session is gone")?;
            Ok(())
        });
        rounds.row("save", &stage, |stage, number| async move {
            stage.kept(number).insert("field1", &number)?;
            Ok(stage.kept(number).save().await?.into_result()?)
        });
        rounds.row("rotate", &stage, |stage, number| async move {
            let _ = stage.kept(number).rotate().await?;
            Ok(())
        });
        rounds.row(format!("login at a cap of {each}, evicting"), &stage, |stage, number| async move {
            let visitor = stage.sessions.open(None, ClientInfo::new()).await?;
            let login = Login::new(format!("full-{}-{}", stage.each, number % USERS));
            match visitor.login(login.cap(Cap::evict(stage.each as u16))).await? {
                LoginOutcome::As(_) => Ok(()),
                other => Err(format!("{other:?}").into()),
            }
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

impl Stage {
    fn kept(&self, number: usize) -> &Session {
        &self.kept[number % KEPT]
    }
}

/// Users with n sessions each, to be revoked.
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
