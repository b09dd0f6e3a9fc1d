//! What does loading a session cost, by its bytes and by its number of fields, against a bare `GET` of the same bytes?
//!
//! Timed: `open` of a stored guest session by its token, no touch due, from 64 tasks on two connections over a Unix
//! socket. Not timed: HTTP, cookies, reading a field. The control of each group is `GET` of a string with as many bytes
//! as the session's hash, over as many connections of the redis crate; the second control is `open` where no session is
//! stored: an empty `HGETALL` over the connections of this crate, which `open` uses too.
//!
//! Known flaw: client and server share this machine's cores, so the cost of a reply to either cannot be separated.
//!
//! `cargo bench --bench load [-- --rounds 7 --seconds 0.5 --tasks 64]`; with `--tasks 1` the latency of one alone.

use cloakroom::{ClientInfo, Sessions};
use std::sync::Arc;

mod common;

use common::Failure;
use common::fill::{Content, guests};
use common::plan::Plan;
use common::redis::{PLACE, Redis, STORED};
use common::rounds::Rounds;

const BY_BYTES: [(&str, Content); 3] =
    [("200 B", Content::new(4, 50)), ("2 KiB", Content::new(4, 512)), ("20 KiB", Content::new(4, 5120))];
const BY_FIELDS: [usize; 4] = [1, 4, 20, 100];
/// The same for every number of fields.
const BYTES: usize = 2_000;

struct Stage {
    sessions: Sessions,
    tokens: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[]);
    let redis = Redis::start().await;
    let mut rounds = Rounds::new(&plan);
    for (number, (name, content)) in BY_BYTES.into_iter().enumerate() {
        add(&mut rounds, &redis, &format!("bytes{number}"), &format!("{name} in 4 fields"), content).await?;
    }
    for fields in BY_FIELDS {
        let content = Content::new(fields, BYTES / fields);
        add(&mut rounds, &redis, &format!("fields{fields}"), &format!("2 kB in {fields} fields"), content).await?;
    }
    rounds.print(PLACE).await
}

async fn add(
    rounds: &mut Rounds<'_>,
    redis: &Redis,
    namespace: &str,
    name: &str,
    content: Content,
) -> Result<(), Failure> {
    let sessions = redis.sessions(namespace, |with| with).await?;
    let tokens = guests(&sessions, STORED, content).await?;
    let control = redis.control(namespace).await?;
    rounds.group(name);
    control.row(rounds);
    // In another namespace, the tokens name no session.
    let absent = Stage { sessions: redis.sessions("absent", |with| with).await?, tokens: tokens.clone() };
    rounds.row("control: an empty HGETALL, this crate", &Arc::new(absent), open);
    rounds.row("open", &Arc::new(Stage { sessions, tokens }), open);
    Ok(())
}

async fn open(stage: Arc<Stage>, number: usize) -> Result<(), Failure> {
    let token = &stage.tokens[number % STORED];
    std::hint::black_box(stage.sessions.open(Some(token), ClientInfo::new()).await?);
    Ok(())
}
