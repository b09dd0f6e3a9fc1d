//! Doors: from an id to a record that a login with an unchanged id has moved into the user's bucket.
//!
//! A user's sessions are in the user's bucket, but a record that gets a user later has an id in another bucket. So this
//! is a login over the first session, like any other: the first ends, and only the user's session is live. The
//! tombstone of the first is a door: it names the user's session and stays as long as that may live. Both have the same
//! secret, so an id never leads to a session of another secret.

use std::time::Duration;

use super::{Done, Kept, RECORD, RecordContent, RecordError, RecordKey, Records, former::MOVING};
use crate::config::timeouts::NO_END_MS;
use crate::error::{Error, Outage};
use crate::identity::id::{SessionId, UserHash};
use crate::store::{Lead, Loaded, NewLogin};
use crate::util::clock::Millis;
use crate::util::uncancelled::uncancelled;

/// Limit of doors passed in a row. Each load that passes two makes the first lead to the last, so there are more only
/// if as many logins under one id were interrupted.
const DOORS: usize = 4;

/// The door from an id to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::compat) struct Door {
    pub(in crate::compat) id: SessionId,
    /// The session that it names: the live one, or another door.
    leads_to: SessionId,
}

/// What an id leads to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // returned, and taken apart at once
pub(in crate::compat) enum KeptRecord {
    Live(Kept),
    /// The session has ended, or has another secret.
    Ended,
    /// The id is unknown.
    Absent,
}

impl KeptRecord {
    pub(in crate::compat) fn live(self) -> Option<Kept> {
        match self {
            Self::Live(kept) => Some(kept),
            Self::Ended | Self::Absent => None,
        }
    }
}

impl Records {
    /// What is stored at this id, or behind the door there. Not a use.
    pub(in crate::compat) async fn look(&self, key: RecordKey) -> Result<KeptRecord, Error> {
        let (mut id, mut door) = (key.id, None);
        for _ in 0..=DOORS {
            let loaded = if door.is_none() { self.store().load(id).await? } else { self.behind_door(id).await? };
            id = match loaded {
                Loaded::Live(record) if record.meta.secret == key.secret => {
                    let kept = Kept::new(id, door, *record);
                    self.shorten(door, id, self.left_ms(&kept)).await;
                    return Ok(KeptRecord::Live(kept));
                }
                Loaded::Absent if door.is_none() => return Ok(KeptRecord::Absent),
                Loaded::Ended(tombstone) if tombstone.door && tombstone.secret == key.secret => {
                    let Some(leads_to) = tombstone.successor else { return Ok(KeptRecord::Ended) };
                    door.get_or_insert(Door { id: key.id, leads_to });
                    leads_to
                }
                Loaded::Live(_) | Loaded::Ended(_) | Loaded::Absent => return Ok(KeptRecord::Ended),
            };
        }
        Ok(KeptRecord::Ended)
    }

    /// What a door leads to. In a Cluster, the login that created the door may not have activated the new session yet;
    /// this waits for it, since a visitor who is being logged in has a session.
    async fn behind_door(&self, id: SessionId) -> Result<Loaded, Error> {
        for wait_ms in [10, 20, 40, 80, 160, 320, 640, 1280] {
            let loaded = self.store().load(id).await?;
            if !matches!(loaded, Loaded::Absent) {
                return Ok(loaded);
            } else if !self.store().is_parked(id).await? {
                return self.store().load(id).await;
            }
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        Err(Error::Unavailable(Outage::new("a login under this id has not finished")))
    }

    /// Makes the first door lead to the session itself, if another one is between. The door works without this, so a
    /// failure is only logged.
    async fn shorten(&self, door: Option<Door>, to: SessionId, left_ms: Millis) {
        if door.is_some_and(|door| door.leads_to != to)
            && let Err(error) = self.lead(door, to, left_ms).await
        {
            tracing::debug!(%error, "door not shortened: it still leads through another one");
        }
    }

    /// Makes the door, if any, lead to the session and stay as long as the session may live.
    pub(super) async fn lead(&self, door: Option<Door>, to: SessionId, left_ms: Millis) -> Result<(), Error> {
        let Some(Door { id: door, leads_to: from }) = door else { return Ok(()) };
        let lead = Lead { door, from, to, stay_ms: stay_ms(left_ms) };
        // Rejected if another login has changed the door: the next load then follows that one.
        self.store().lead(self.sessions.op()?, &lead).await.map(drop)
    }

    /// Logs a user in to a session under its present id. False if the session has ended, perhaps by another login.
    ///
    /// It continues if the caller is dropped, since in a Cluster it takes several scripts.
    pub(in crate::compat) async fn log_in_here(&self, kept: &Kept, user: &str, content: &RecordContent) -> Done {
        let id = SessionId::mint(UserHash::of(user).bucket()).map_err(Error::from)?;
        let (new, delta) = self.new_session(RecordKey { id, ..kept.key() }, Some(user), content)?;
        let keep = vec![MOVING.to_owned(), RECORD.to_owned()];
        let login =
            NewLogin { door_ms: stay_ms(content.left_ms), keep, ..self.login(new, Some(kept.session.old()), delta) };
        let (sessions, op) = (self.sessions.clone(), self.sessions.op()?);
        let answer = uncancelled(async move { sessions.store().login(op, &login).await }).await?;
        if answer.is_ok() {
            self.shorten(kept.door, id, content.left_ms).await;
        }
        match self.done(answer.map(drop)) {
            // In a Cluster the cap is checked before the session: another login of this id may be the one that fills
            // it.
            Err(RecordError::AtCap) if self.find(kept.entrance()).await?.is_none_or(|now| now.key() != kept.key()) => {
                Ok(false)
            }
            done => done,
        }
    }
}

/// How long a door stays: twice the session's lifetime without use. So a door survives if the session was extended and
/// the server failed before it extended the door.
fn stay_ms(left_ms: Millis) -> Millis {
    left_ms.saturating_mul(2).min(NO_END_MS)
}
