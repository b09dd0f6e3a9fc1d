//! What do the operations cost on the embedded store, without a server?
//!
//! Timed: whole operations on `memory:`, sessions of four fields of 50 B, from 64 tasks. Not timed: HTTP, cookies. The
//! control is a clone of as many bytes out of a `HashMap` behind one `Mutex`: the minimum for such a store.
//!
//! Known flaw: all tasks share one lock, as in a program, so the figures depend on how many cores contend for it.
//!
//! `cargo bench --bench memory_store [-- --rounds 7 --seconds 0.5 --tasks 64]`

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom::{Cap, ClientInfo, Login, Sessions};

mod common;

use common::Failure;
use common::fill::{Content, guests};
use common::plan::Plan;
use common::redis::STORED;
use common::rounds::Rounds;

const CONTENT: Content = Content::new(4, 50);

struct Stage {
    sessions: Sessions,
    tokens: Vec<String>,
    plain: Mutex<HashMap<String, Vec<u8>>>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[]);
    let sessions = Sessions::builder("memory:").namespace("bench").connect().await?;
    let tokens = guests(&sessions, STORED, CONTENT).await?;
    let plain = tokens.iter().map(|token| (token.clone(), vec![b'x'; CONTENT.fields * CONTENT.bytes]));
    let stage = Arc::new(Stage { plain: Mutex::new(plain.collect()), sessions, tokens });
    let mut rounds = Rounds::new(&plan);
    rounds.group("embedded");
    rounds.row("control: a clone out of a map", &stage, |stage, number| async move {
        let plain = stage.plain.lock().unwrap_or_else(PoisonError::into_inner);
        std::hint::black_box(plain.get(&stage.tokens[number % STORED]).cloned());
        Ok(())
    });
    rounds.row("open", &stage, |stage, number| async move {
        std::hint::black_box(stage.sessions.open(Some(&stage.tokens[number % STORED]), ClientInfo::new()).await?);
        Ok(())
    });
    rounds.row("open, insert, save", &stage, |stage, number| async move {
        let session = stage.sessions.open(Some(&stage.tokens[number % STORED]), ClientInfo::new()).await?;
        session.insert("field2", &number)?;
        Ok(session.save().await?.into_result()?)
    });
    rounds.row("login of a new visitor at the cap of 5, evicting", &stage, |stage, number| async move {
        let session = stage.sessions.open(None, ClientInfo::new()).await?;
        let _ = session.login(Login::new(format!("user{}", number % 200)).cap(Cap::evict(5))).await?;
        Ok(())
    });
    rounds.print("in this process").await
}
