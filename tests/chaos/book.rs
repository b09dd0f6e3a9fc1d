//! One user's sessions: what the user does and what is known about them.

use cloakroom::{
    Cap, ClientInfo, EndOutcome, EndReason, Error, Login, LoginOutcome, SaveOutcome, Session, SessionId, Sessions,
};

use super::tally::Tally;

/// Maximum number of sessions of a user.
const CAP: u16 = 6;
/// Maximum number of sessions that the user opens knowingly. Logins whose reply was lost come on top, so there is room.
const OPEN: usize = 3;

/// A user with several sessions, who does one thing after another and remembers what was acknowledged.
pub(super) struct Book {
    user: String,
    held: Vec<Held>,
    ended: Vec<String>,
    next: i64,
}

/// A session that is live as far as is known.
struct Held {
    id: SessionId,
    token: String,
    written: i64,
    /// Values written without a reply, which may still arrive at any time.
    maybe: Vec<i64>,
    /// Whether nothing is in flight that may end the session.
    certain: bool,
}

impl Book {
    pub(super) fn new(user: String) -> Self {
        Self { user, held: Vec::new(), ended: Vec::new(), next: 0 }
    }

    /// Does something with the user's sessions.
    pub(super) async fn act(&mut self, sessions: &Sessions, tally: &Tally) -> Result<(), Error> {
        if self.held.is_empty() {
            return self.login(sessions, tally).await;
        }
        let at = fastrand::usize(..self.held.len());
        match fastrand::u8(..40) {
            0..8 if self.held.len() < OPEN => self.login(sessions, tally).await,
            0..18 => self.write(sessions, tally, at).await,
            18..28 => self.read(sessions, tally, at).await.map(drop),
            28..30 => self.logout(sessions, tally, at).await,
            30..32 => self.revoke(sessions, at).await,
            32..36 => self.list(sessions, tally).await,
            36..39 => self.look_back(sessions, tally).await,
            _ => self.revoke_all(sessions).await,
        }
    }

    /// Checks everything once more.
    pub(super) async fn audit(&mut self, sessions: &Sessions, tally: &Tally) -> Result<(), Error> {
        self.list(sessions, tally).await?;
        for at in (0..self.held.len()).rev() {
            self.read(sessions, tally, at).await?;
        }
        while !self.ended.is_empty() {
            self.look_back(sessions, tally).await?;
        }
        Ok(())
    }

    async fn login(&mut self, sessions: &Sessions, tally: &Tally) -> Result<(), Error> {
        let session = sessions.open(None, ClientInfo::new()).await?;
        match session.login(Login::new(&self.user).cap(Cap::evict(CAP))).await? {
            LoginOutcome::As(id) => {
                let tag = format!("{{{}}}", &id.to_string()[15..18]);
                tally.counts().tags.entry(self.user.clone()).or_insert(tag);
                let token = crate::common::token(&session);
                self.held.push(Held { id, token, written: 0, maybe: Vec::new(), certain: true });
            }
            refused => tally.broken(format!("{}: a login was refused: {refused:?}", self.user)),
        }
        Ok(())
    }

    /// The session, if it is live and holds what was written to it.
    async fn read(&mut self, sessions: &Sessions, tally: &Tally, at: usize) -> Result<Option<Session>, Error> {
        let session = sessions.open(Some(&self.held[at].token), ClientInfo::new()).await?;
        if session.user().as_deref() != Some(&self.user) {
            self.found_dead(tally, at, session.ended());
            return Ok(None);
        }
        let held = &mut self.held[at];
        let value = session.get("n").ok().flatten().unwrap_or(0);
        if value != held.written && !held.maybe.contains(&value) {
            tally.undone(format!("{}: {} was written, {value} is there", self.user, held.written));
            held.written = value;
        }
        Ok(Some(session))
    }

    async fn write(&mut self, sessions: &Sessions, tally: &Tally, at: usize) -> Result<(), Error> {
        let Some(session) = self.read(sessions, tally, at).await? else { return Ok(()) };
        self.next += 1;
        session.insert("n", &self.next)?;
        let saved = session.save().await;
        let held = &mut self.held[at];
        match saved {
            Ok(SaveOutcome::Saved) => held.written = self.next,
            Ok(SaveOutcome::Gone(reason)) => self.found_dead(tally, at, reason),
            Ok(other) => tally.broken(format!("{}: a save was answered {other:?}", self.user)),
            Err(error) => {
                if matches!(error, Error::Indeterminate(_)) {
                    held.maybe.push(self.next);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn logout(&mut self, sessions: &Sessions, tally: &Tally, at: usize) -> Result<(), Error> {
        let Some(session) = self.read(sessions, tally, at).await? else { return Ok(()) };
        match session.logout().await {
            Ok(EndOutcome::Ended) => self.has_ended(at),
            Ok(EndOutcome::AlreadyEnded(reason)) => self.found_dead(tally, at, reason),
            Ok(other) => tally.broken(format!("{}: a logout was answered {other:?}", self.user)),
            Err(error) => return Err(self.unsure(at, error)),
        }
        Ok(())
    }

    async fn revoke(&mut self, sessions: &Sessions, at: usize) -> Result<(), Error> {
        match sessions.user(&self.user).revoke(self.held[at].id).await {
            // The call returned none; the next check finds out why.
            Ok(true) => self.has_ended(at),
            Ok(false) => {}
            Err(error) => return Err(self.unsure(at, error)),
        }
        Ok(())
    }

    async fn revoke_all(&mut self, sessions: &Sessions) -> Result<(), Error> {
        match sessions.user(&self.user).revoke_all().await {
            Ok(_) => self.ended.extend(self.held.drain(..).map(|held| held.token)),
            Err(error) => {
                // Some of its steps may have been executed, whatever the result of the last one.
                self.held.iter_mut().for_each(|held| held.certain = false);
                return Err(error);
            }
        }
        Ok(())
    }

    /// I-16 and I-17: live sessions are listed, and there are no more than the cap.
    async fn list(&mut self, sessions: &Sessions, tally: &Tally) -> Result<(), Error> {
        let listed: Vec<SessionId> =
            sessions.user(&self.user).list().await?.into_iter().map(|session| session.id).collect();
        if listed.len() > usize::from(CAP) {
            tally.broken(format!("{}: {} sessions above the cap", self.user, listed.len()));
        }
        for at in (0..self.held.len()).rev() {
            let (id, certain) = (self.held[at].id, self.held[at].certain);
            if certain && !listed.contains(&id) && self.read(sessions, tally, at).await?.is_some() {
                tally.broken(format!("{}: {id} is live and not listed", self.user));
            }
        }
        Ok(())
    }

    /// I-02: an ended session does not open.
    async fn look_back(&mut self, sessions: &Sessions, tally: &Tally) -> Result<(), Error> {
        let Some(token) = self.ended.last() else { return Ok(()) };
        let session = sessions.open(Some(token), ClientInfo::new()).await?;
        if let Some(id) = session.id() {
            tally.undone(format!("{}: {id} had ended and is live", self.user));
        }
        let last = self.ended.pop().expect("looked at");
        if self.ended.len() > 20 {
            self.ended.remove(0);
        }
        // Checked again later, once: an end may be undone after this.
        if session.id().is_none() && fastrand::bool() {
            self.ended.insert(0, last);
        }
        Ok(())
    }

    fn has_ended(&mut self, at: usize) {
        let held = self.held.swap_remove(at);
        self.ended.push(held.token);
    }

    fn found_dead(&mut self, tally: &Tally, at: usize, reason: Option<EndReason>) {
        let held = self.held.swap_remove(at);
        // Logins whose reply was lost take room under the cap.
        if held.certain && reason != Some(EndReason::Evicted) {
            tally.undone(format!("{}: {} was live and is not: {reason:?}", self.user, held.id));
        }
    }

    fn unsure(&mut self, at: usize, error: Error) -> Error {
        self.held[at].certain &= !matches!(error, Error::Indeterminate(_));
        error
    }
}
