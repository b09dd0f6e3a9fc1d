//! What does it cost to change one of a session's 20 fields, compared with reading and writing the whole as a string?
//!
//! Timed: whole requests (`open`, `insert`, `save`) and the save alone on handles that stay open, of sessions of 20
//! fields and 2 kB, from 64 tasks on two connections over a Unix socket. Not timed: HTTP, cookies. The first control is
//! a bare `GET` of the same bytes over as many connections; the second what a store without fields does: `GET`, `SET`.
//!
//! Known flaw: the second control loses updates when two requests overlap, and writes sessions that have ended; the save
//! pays for preventing that.
//!
//! `cargo bench --bench save [-- --rounds 7 --seconds 0.5 --tasks 64]`

use std::sync::Arc;

use cloakroom::{ClientInfo, SaveOutcome, Session, Sessions};

mod common;

use common::Failure;
use common::fill::{Content, guests, opened};
use common::plan::Plan;
use common::redis::{PLACE, Redis, STORED};
use common::rounds::Rounds;

struct Stage {
    sessions: Sessions,
    tokens: Vec<String>,
    kept: Vec<Session>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[]);
    let redis = Redis::start().await;
    let sessions = redis.sessions("save", |with| with).await?;
    let tokens = guests(&sessions, STORED, Content::new(20, 100)).await?;
    let control = redis.control("save").await?;
    let kept = opened(&sessions, tokens.clone()).await?;
    let stage = Arc::new(Stage { sessions, tokens, kept });
    let mut rounds = Rounds::new(&plan);
    rounds.group("1 of 20 fields of 100 B");
    control.row(&mut rounds);
    rounds.row("control: GET, then SET of all, the redis crate", &control, |control, number| async move {
        let bytes = control.get(number).await?;
        control.set(number, bytes).await
    });
    rounds.row("open, insert, save", &stage, |stage, number| async move {
        let session = stage.open(number).await?;
        session.insert("field7", &number)?;
        Ok(session.save().await?.into_result()?)
    });
    rounds.row("open, insert, save if unchanged", &stage, |stage, number| async move {
        let session = stage.open(number).await?;
        session.insert("field7", &number)?;
        // Two tasks may use the same session: a conflict is a result, at the same price.
        match session.save_if_unchanged().await? {
            SaveOutcome::Conflict => Ok(()),
            outcome => Ok(outcome.into_result()?),
        }
    });
    rounds.row("insert, save", &stage, |stage, number| async move {
        let session = &stage.kept[number % STORED];
        session.insert("field7", &number)?;
        Ok(session.save().await?.into_result()?)
    });
    rounds.row("increment", &stage, |stage, number| async move {
        stage.kept[number % STORED].increment("hits", 1).await?;
        Ok(())
    });
    rounds.print(PLACE).await
}

impl Stage {
    async fn open(&self, number: usize) -> Result<Session, Failure> {
        Ok(self.sessions.open(Some(&self.tokens[number % STORED]), ClientInfo::new()).await?)
    }
}
