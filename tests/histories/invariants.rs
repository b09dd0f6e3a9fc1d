//! The invariants of everything that Redis stores, checked after any step.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use redis::aio::MultiplexedConnection;
use sha2::{Digest, Sha256};

use super::content::{self, Content, Key, Meta};
use crate::common::keys;

/// Moving a namespace back in time takes a moment, which adds to the time that each key has left.
const SLACK_MS: i64 = 100;

/// Checks a namespace repeatedly.
pub(crate) struct Watch {
    masters: Vec<MultiplexedConnection>,
    namespace: String,
    cap: u16,
    /// Ids that were seen live, and ids that were dead after that.
    lived: HashSet<String>,
    dead: HashSet<String>,
}

impl Watch {
    pub(crate) fn new(masters: Vec<MultiplexedConnection>, namespace: &str, cap: u16) -> Self {
        let namespace = namespace.to_owned();
        Self { masters, namespace, cap, lived: HashSet::new(), dead: HashSet::new() }
    }

    /// Returns the promise that is broken, if any.
    pub(crate) async fn look(&mut self) -> Result<(), String> {
        let mut keys = Vec::new();
        for master in &mut self.masters {
            keys.extend(content::read(master, &self.namespace).await);
        }
        for key in &keys {
            expires(key)?;
        }
        let live: Vec<_> = keys.iter().filter_map(live).collect();
        for session in &live {
            session.is_indexed(&keys)?;
            session.keeps_its_absolute_deadline()?;
            session.knows_its_size()?;
        }
        self.caps_hold(&live)?;
        self.the_dead_stay_dead(&live)
    }

    /// Removes the namespace.
    pub(super) async fn clear(mut self) {
        for master in &mut self.masters {
            keys::remove(master, &self.namespace).await;
        }
    }

    /// I-17.
    fn caps_hold(&self, live: &[Live]) -> Result<(), String> {
        let mut count = HashMap::new();
        for session in live.iter().filter(|session| !session.meta.user.is_empty()) {
            *count.entry(&session.meta.user).or_insert(0) += 1;
        }
        let above = count.into_iter().find(|(_, count)| *count > self.cap);
        above.map_or(Ok(()), |(user, count)| Err(format!("I-17: {user} has {count} live sessions")))
    }

    /// I-03.
    fn the_dead_stay_dead(&mut self, live: &[Live]) -> Result<(), String> {
        let now: HashSet<String> = live.iter().map(|session| session.id.to_owned()).collect();
        self.dead.extend(self.lived.difference(&now).cloned());
        self.lived.extend(now.iter().cloned());
        let revived = now.intersection(&self.dead).next();
        revived.map_or(Ok(()), |id| Err(format!("I-03: {id} lives again")))
    }
}

/// The number of live sessions of each user; guests under the empty name.
pub(crate) async fn live_by_user(redis: &mut MultiplexedConnection, namespace: &str) -> BTreeMap<String, usize> {
    let mut users = BTreeMap::new();
    for session in content::read(redis, namespace).await.iter().filter_map(live) {
        *users.entry(session.meta.user.clone()).or_insert(0) += 1;
    }
    users
}

/// I-13: every key expires but the deadline index, which empties itself.
fn expires(key: &Key) -> Result<(), String> {
    let fine = key.expiry >= 0 || matches!(key.content, Content::Deadlines(_));
    if fine { Ok(()) } else { Err(format!("I-13: {} has no expiry: {key:?}", key.name)) }
}

/// A live session.
struct Live<'a> {
    id: &'a str,
    bucket: &'a str,
    meta: &'a Meta,
    /// When it ends by the expiry of its key, in milliseconds since 1970.
    end: i64,
}

fn live(key: &Key) -> Option<Live<'_>> {
    let Content::Session { id, meta } = &key.content else { return None };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let end = key.expiry - meta.stays as i64;
    (!meta.ended && end >= now).then_some(Live { id, bucket: &key.bucket, meta, end })
}

impl Live<'_> {
    /// I-16 and I-13: every live session is in the index, and no index expires before a member; the same for the deadline
    /// index, whose score is a lower bound.
    fn is_indexed(&self, keys: &[Key]) -> Result<(), String> {
        let here = || keys.iter().filter(|key| key.bucket == self.bucket);
        let due = here().find_map(|key| match &key.content {
            Content::Deadlines(members) => members.iter().find(|(id, _)| id == self.id).map(|(_, score)| *score),
            _ => None,
        });
        if due.is_none_or(|due| due > self.meta.deadline() as f64) {
            return Err(format!(
                "live ⊆ deadline index: {} with deadline {} has {due:?}",
                self.id,
                self.meta.deadline()
            ));
        }
        if self.meta.user.is_empty() {
            return Ok(());
        }
        let hash = hash(&self.meta.user);
        let score = here().find_map(|key| match &key.content {
            Content::UserIndex { user, members } if *user == hash && key.expiry + SLACK_MS >= self.end => {
                members.iter().find(|(id, _)| id[2..] == *self.id).map(|(_, score)| *score)
            }
            _ => None,
        });
        let fine = score == Some(self.meta.since as f64);
        if fine {
            Ok(())
        } else {
            Err(format!(
                "I-16: {} of {}, logged in at {}, in its index: {score:?}",
                self.id, self.meta.user, self.meta.since
            ))
        }
    }

    /// R36: the recorded size, which the limits use, is the real one.
    fn knows_its_size(&self) -> Result<(), String> {
        let (noted, bytes) = self.meta.size;
        if noted == bytes {
            Ok(())
        } else {
            Err(format!("R36: {} has {bytes} bytes of fields and notes {noted}", self.id))
        }
    }

    /// I-11, I-13: the key's expiry matches the metadata, and is not beyond the absolute deadline.
    fn keeps_its_absolute_deadline(&self) -> Result<(), String> {
        let deadline = self.meta.deadline();
        let off = self.end - deadline as i64;
        if off.abs() > SLACK_MS || deadline > self.meta.since + self.meta.absolute {
            return Err(format!("I-11: {} lives {off} ms beyond its deadline, {deadline}: {:?}", self.id, self.meta));
        }
        Ok(())
    }
}

/// The form of a user in keys.
fn hash(user: &str) -> String {
    Sha256::digest(user.as_bytes())[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
