//! The memory of a session, by layout: the growth of `used_memory`, on a fresh server for each.
//!
//! Compared with a bare string with an expiry, of the same content under a key of the same length, and with Spring
//! Session's indexed layout. The indexes are measured by removing them.
//!
//! Known flaw: a small store's hash tables have room for twice as many keys, or are just full: a fifth of a figure may be
//! luck. All rows have the same number of sessions, not of keys.

use cloakroom::{ClientInfo, Login, Sessions};
use redis::aio::MultiplexedConnection;

use super::common::Failure;
use super::common::fill::{Content, guests};
use super::common::info::Info;
use super::common::server::Server;
use super::spring::Values;
use super::{CONTENT, spring};

/// Values of `hash-max-listpack-value`.
const LISTPACKS: [&str; 3] = ["64", "512", "1024"];
const AGENT_BYTES: usize = 110;
const SESSIONS_PER_USER: usize = 5;
/// The sizes of larger sessions.
const LARGER: [Content; 3] = [Content::new(10, 50), Content::new(16, 50), Content::new(40, 50)];

/// The stored sessions: of a number of users, or of guests.
#[derive(Clone, Copy)]
pub(crate) struct Stock {
    pub(crate) count: usize,
    pub(crate) content: Content,
    users: bool,
}

pub(crate) async fn print(count: usize) -> Result<(), Failure> {
    let users = Stock { count, content: CONTENT, users: true };
    println!(
        "\n| {count} with 4 fields of 50 B, 5 a user, user agent of 110 B | hash-max-listpack-value | bytes each | of the string |"
    );
    println!("|---|---|---|---|");
    let string = weigh("64", users, strings).await?;
    row("a string with expiry", "", string, string);
    for listpack in LISTPACKS {
        row("session, both indexes", listpack, weigh(listpack, users, sessions).await?, string);
    }
    for (what, keys) in [("of it the deadline index", "*:d"), ("of it the user index", "*:u:*")] {
        row(what, "", weigh_keys(users, keys).await?, string);
    }
    row("both indexes, ids as text", "", weigh("64", users, text_indexes).await?, string);
    row("session split in values of 64 B, no index", "64", weigh("64", users, split).await?, string);
    for (what, values) in
        [("Spring Session, values bare", Values::Bare), ("Spring Session, Java's values", Values::Java)]
    {
        for listpack in ["64", "1024"] {
            let each = weigh(listpack, users, |server, stock| spring_sessions(server, stock, values)).await?;
            row(what, listpack, each, string);
        }
    }
    println!("\n| guest's fields of 50 B | of a string, at 64 | 512 | 1024 |\n|---|---|---|---|");
    for content in [CONTENT].into_iter().chain(LARGER) {
        let guests = Stock { count, content, users: false };
        let string = weigh("64", guests, strings).await?;
        let mut of = Vec::new();
        for listpack in LISTPACKS {
            of.push(format!("{:.2}", weigh(listpack, guests, sessions).await? / string));
        }
        println!("| {} | {} |", content.fields, of.join(" | "));
    }
    Ok(())
}

fn row(what: &str, listpack: &str, bytes: f64, string: f64) {
    println!("| {what} | {listpack} | {bytes:.0} | {:.2} |", bytes / string);
}

/// The growth of a fresh server's memory, per stored item.
async fn weigh<F: Future<Output = Result<Server, Failure>>>(
    listpack: &str,
    stock: Stock,
    store: impl FnOnce(Server, Stock) -> F,
) -> Result<f64, Failure> {
    let server = Server::start(&["--hash-max-listpack-value", listpack]);
    let before = Info::of(&server).await?.used_memory()?;
    let server = store(server, stock).await?;
    Ok((Info::of(&server).await?.used_memory()? - before) / stock.count as f64)
}

/// The decrease of the server's memory, per session, when these keys are removed.
async fn weigh_keys(stock: Stock, pattern: &str) -> Result<f64, Failure> {
    let server = sessions(Server::start(&["--hash-max-listpack-value", "1024"]), stock).await?;
    let mut redis = server.connection().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut redis).await?;
    let before = Info::of(&server).await?.used_memory()?;
    for key in &keys {
        redis::cmd("DEL").arg(key).exec_async(&mut redis).await?;
    }
    Ok((before - Info::of(&server).await?.used_memory()?) / stock.count as f64)
}

impl Stock {
    fn bytes(self) -> usize {
        let fields: usize = self.content.names().map(|name| name.len() + self.content.bytes).sum();
        fields + if self.users { AGENT_BYTES + self.user(0).len() } else { 0 }
    }

    pub(crate) fn user(self, number: usize) -> String {
        format!("user{:05}", number / SESSIONS_PER_USER)
    }

    pub(crate) fn agent(self) -> String {
        "x".repeat(AGENT_BYTES)
    }
}

/// Strings of the same content under keys as long as a session's.
async fn strings(server: Server, stock: Stock) -> Result<Server, Failure> {
    let mut plain = server.connection().await;
    for number in 0..stock.count {
        let value = vec![b'x'; stock.bytes()];
        redis::cmd("SET").arg(key(number)).arg(value).arg("PX").arg(1_800_000).exec_async(&mut plain).await?;
    }
    Ok(server)
}

fn key(number: usize) -> String {
    format!("weigh:{{000}}:s:00000000-0000-8000-8000-{number:012}")
}

async fn sessions(server: Server, stock: Stock) -> Result<Server, Failure> {
    let sessions = Sessions::builder(server.url()).namespace("weigh").connect().await?;
    if !stock.users {
        guests(&sessions, stock.count, stock.content).await?;
        return Ok(server);
    }
    for number in 0..stock.count {
        let session = sessions.open(None, ClientInfo::new().user_agent(stock.agent())).await?;
        stock.content.put(&session)?;
        let _ = session.login(Login::new(stock.user(number)).keep(stock.content.names())).await?;
    }
    Ok(server)
}

/// The indexes alone, if they held ids of 36 characters instead of 16 bytes: by user, and by one of 4,096 buckets.
async fn text_indexes(server: Server, stock: Stock) -> Result<Server, Failure> {
    let mut plain = server.connection().await;
    for number in 0..stock.count {
        let id = format!("00000000-0000-8000-8000-{number:012}");
        let user = format!("weigh:{{000}}:u:{:0>64}", stock.user(number));
        add(&mut plain, &user, number, &id).await?;
        add(&mut plain, &format!("weigh:{{{:03x}}}:d", number * 2_654_435_761 % 4096), number, &id).await?;
    }
    Ok(server)
}

async fn add(plain: &mut MultiplexedConnection, key: &str, number: usize, id: &str) -> Result<(), Failure> {
    let score = 1_800_000_000_000 + number;
    Ok(redis::cmd("ZADD").arg(key).arg(score).arg(id).exec_async(plain).await?)
}

/// The bytes of stored sessions split into values that are short by the default limit.
async fn split(server: Server, stock: Stock) -> Result<Server, Failure> {
    let other = sessions(Server::start(&[]), stock).await?;
    let mut from = other.connection().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*:s:*").query_async(&mut from).await?;
    let mut plain = server.connection().await;
    for (number, stored) in keys.iter().enumerate() {
        let all: Vec<Vec<u8>> = redis::cmd("HGETALL").arg(stored).query_async(&mut from).await?;
        let bytes = all.concat();
        let mut set = redis::cmd("HSET");
        set.arg(key(number));
        for (number, part) in bytes.chunks(64).enumerate() {
            set.arg(number).arg(part);
        }
        set.exec_async(&mut plain).await?;
        redis::cmd("PEXPIRE").arg(key(number)).arg(1_800_000).exec_async(&mut plain).await?;
    }
    Ok(server)
}

async fn spring_sessions(server: Server, stock: Stock, values: Values) -> Result<Server, Failure> {
    let mut plain = server.connection().await;
    for number in 0..stock.count {
        spring::store(&mut plain, values, stock, number).await?;
    }
    Ok(server)
}
