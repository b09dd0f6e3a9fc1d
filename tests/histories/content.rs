//! The content of Redis, read without the crate: the layout of `lua/lib/meta.lua`.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;

use crate::common::keys;

/// A key of a namespace.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) bucket: String,
    /// When it expires, in milliseconds since 1970; negative for never.
    pub(super) expiry: i64,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Session {
        id: String,
        meta: Box<Meta>,
    },
    /// Members in hex, with their scores.
    UserIndex {
        user: String,
        members: Vec<(String, f64)>,
    },
    Deadlines(Vec<(String, f64)>),
    Epoch,
}

/// The metadata that the invariants are about.
#[derive(Debug)]
pub(super) struct Meta {
    pub(super) ended: bool,
    pub(super) since: u64,
    pub(super) touched: u64,
    pub(super) idle: u64,
    pub(super) absolute: u64,
    pub(super) interval: u64,
    /// Bytes of all fields with their names: as recorded, and counted.
    pub(super) size: (u64, u64),
    /// How long the key stays after the deadline.
    pub(super) stays: u64,
    /// Empty for a guest.
    pub(super) user: String,
}

impl Meta {
    fn read(mut hash: HashMap<String, Vec<u8>>) -> Self {
        let packed = hash.remove("@").expect("a session has metadata");
        let together = hash.remove("=").map_or(0, |packed| without_lengths(&packed));
        let apart: u64 = hash.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum();
        let bytes = together + apart;
        let number =
            |at: usize, length: usize| packed[at..at + length].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let mut tail = 107;
        if packed[2] & 1 != 0 {
            tail += 45 + 22 * usize::from(packed[tail + 44]);
        }
        if packed[2] & 2 != 0 {
            tail += 16;
        }
        for _ in 0..packed[106] {
            tail += 15 + usize::from(packed[tail + 14]);
        }
        let user = match packed.get(tail + 1..tail + 3) {
            Some(length) => tail + 3..tail + 3 + usize::from(length[0]) * 256 + usize::from(length[1]),
            None => 0..0,
        };
        Self {
            ended: packed[1] != 0,
            since: number(10, 6),
            touched: number(16, 6),
            idle: number(22, 6),
            absolute: number(28, 6),
            interval: number(34, 4),
            size: (number(54, 4), bytes),
            stays: number(38, 4) + number(42, 4),
            user: String::from_utf8_lossy(&packed[user]).into_owned(),
        }
    }

    pub(super) fn deadline(&self) -> u64 {
        let absolute_left = (self.since + self.absolute).saturating_sub(self.touched);
        self.touched + (self.idle + self.interval).min(absolute_left)
    }
}

/// The bytes of packed names and values, without their lengths.
fn without_lengths(packed: &[u8]) -> u64 {
    let (mut at, mut bytes) = (0, 0);
    while at < packed.len() {
        let both = usize::from(packed[at]) + usize::from(packed[at + 1]) * 256 + usize::from(packed[at + 2]);
        bytes += both as u64;
        at += 3 + both;
    }
    bytes
}

/// Every key of a namespace. Keys that expire while they are read are left out.
pub(super) async fn read(redis: &mut MultiplexedConnection, namespace: &str) -> Vec<Key> {
    let mut found = Vec::new();
    for name in keys::all(redis, namespace).await {
        let mut parts = name.split(':').skip(1);
        let bucket = parts.next().expect("a bucket").to_owned();
        let (kind, last) = (parts.next().expect("a kind").to_owned(), parts.next().unwrap_or_default().to_owned());
        let mut ask = redis::pipe();
        ask.atomic().cmd("PEXPIRETIME").arg(&name);
        match kind.as_str() {
            "s" => ask.cmd("HGETALL").arg(&name),
            "r" => ask.cmd("GET").arg(&name),
            _ => ask.cmd("ZRANGE").arg(&name).arg(0).arg(-1).arg("WITHSCORES"),
        };
        let (expiry, content): (i64, redis::Value) = ask.query_async(redis).await.expect("the server is up");
        if expiry != -2 {
            let content = Content::read(&kind, last, content);
            found.push(Key { name, bucket, expiry, content });
        }
    }
    found
}

impl Content {
    fn read(kind: &str, last: String, value: redis::Value) -> Self {
        match kind {
            "s" => {
                let hash = redis::from_redis_value(value).expect("names and values");
                Self::Session { id: last.replace('-', ""), meta: Box::new(Meta::read(hash)) }
            }
            "u" => Self::UserIndex { user: last, members: members(value) },
            "d" => Self::Deadlines(members(value)),
            "r" => Self::Epoch,
            other => panic!("an unknown kind of key: {other}"),
        }
    }
}

fn members(value: redis::Value) -> Vec<(String, f64)> {
    let members: Vec<(Vec<u8>, f64)> = redis::from_redis_value(value).expect("members and scores");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    members.into_iter().map(|(member, score)| (hex(&member), score)).collect()
}
