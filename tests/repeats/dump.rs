//! Everything that a namespace holds, and restoring it.

use std::collections::BTreeMap;
use std::fmt;

use redis::aio::MultiplexedConnection;

use crate::common::keys;

/// The content of a namespace, by key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Dump(BTreeMap<String, Held>);

/// The content of a key.
#[derive(Clone)]
struct Held {
    /// Fields and values, or members and scores.
    content: BTreeMap<Vec<u8>, Vec<u8>>,
    /// When the key expires, in milliseconds since 1970; negative for never.
    expiry: i64,
    /// The payload for `RESTORE`. Two hashes with the same content may differ in order.
    serialized: Vec<u8>,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        (&self.content, self.expiry) == (&other.content, other.expiry)
    }
}

impl Eq for Held {}

impl Dump {
    pub(super) async fn of(redis: &mut MultiplexedConnection, namespace: &str) -> Self {
        let mut found = BTreeMap::new();
        for key in keys::all(redis, namespace).await {
            if let Some(held) = Held::read(redis, &key).await {
                found.insert(key, held);
            }
        }
        Self(found)
    }

    /// Replaces the current content of the namespace.
    pub(super) async fn restore(&self, redis: &mut MultiplexedConnection, namespace: &str) {
        keys::remove(redis, namespace).await;
        for (key, held) in &self.0 {
            let mut restore = redis::cmd("RESTORE");
            restore.arg(key).arg(held.expiry.max(0)).arg(&held.serialized).arg("ABSTTL");
            let () = restore.query_async(redis).await.expect("what was dumped is restored");
        }
    }
}

impl Held {
    /// `None` if the key has just expired.
    async fn read(redis: &mut MultiplexedConnection, key: &str) -> Option<Self> {
        let mut reads = redis::pipe();
        reads.atomic().cmd("DUMP").arg(key).cmd("PEXPIRETIME").arg(key);
        match key.split(':').nth(2) {
            Some("s") => reads.cmd("HGETALL").arg(key),
            Some("r") => reads.cmd("MGET").arg(key).arg(key),
            _ => reads.cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES"),
        };
        type Read = (Option<Vec<u8>>, i64, Vec<Option<Vec<u8>>>);
        let (serialized, expiry, flat): Read = reads.query_async(redis).await.expect("the server is up");
        let content = flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        let content = content.map(|(one, two)| (one.unwrap_or_default(), two.unwrap_or_default())).collect();
        Some(Self { content, expiry, serialized: serialized? })
    }
}

impl fmt::Debug for Dump {
    /// One line per key, so that a failed comparison is readable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, held) in &self.0 {
            write!(f, "\n{key} until {}:", held.expiry)?;
            for (name, value) in &held.content {
                write!(f, " {}={}", name.escape_ascii(), value.escape_ascii())?;
            }
        }
        Ok(())
    }
}
