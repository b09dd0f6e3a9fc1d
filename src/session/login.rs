//! Login: the only way to set a user.

use super::save::ids_taken;
use super::{Live, Session};
use crate::config::timeouts::Lifetimes;
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::Delta;
use crate::identity::id::{SessionId, UserHash};
use crate::session::login_request::{Login, LoginOutcome};
use crate::store::{self, Gate, MINTS, NewSession, Reauthenticate, Refused};
use crate::util::uncancelled::uncancelled;

impl Session {
    /// Logs a user in, atomically: new id and token, cap, index, carried fields and the end of the old session, all or
    /// nothing.
    ///
    /// In a Redis Cluster the old session may be in another slot; it is then ended first. If an outage, a revocation,
    /// or another login at a cap that rejects comes in between, the visitor has lost the old session and its carried
    /// fields and is not logged in.
    ///
    /// A guest, or a user who logs in as another user, gets a new session id and token; the old ones end. The same user
    /// keeps the id and all fields and gets a new token and auth time; the old token ends without grace. A login never
    /// gives the old token more rights (session fixation, OWASP ASVS 5.0, 7.2.4). Requests that loaded the same user's
    /// session before may still write fields for one minute, see [`save`](Self::save).
    ///
    /// If a guest's login is sent twice, such as by a double click, both end up in one session. The second one joins
    /// the session of the first if it is of the same user, from the same address and user agent, within one minute. It
    /// gets a token of its own, and only its changes of kept fields are written. The first token is valid until 10
    /// seconds after the second is used; a third login ends it. After another login in that session, or its end by a
    /// logout, the result is [`LoginOutcome::Gone`]. Another user or client logs in as without a session.
    ///
    /// # Errors
    /// [`Error::Limit`] for a user id out of range; [`Error::Unavailable`]: not logged in; [`Error::Indeterminate`]:
    /// perhaps, and the client has to log in again; [`Error::TooLate`] once the response has begun.
    ///
    /// # Cancel safety
    /// If dropped, the login was executed or not, and its token is lost. In a request of a `SessionLayer` the new
    /// session is then ended; elsewhere it ends by its timeouts. In a Cluster, if the old session is in another slot,
    /// the login continues in a task of its own, within a Tokio runtime.
    ///
    /// # Redis
    /// One `EVALSHA` of `admit.lua`, or of `login.lua` if one user logs in as another (`reauthenticate.lua` for the
    /// same user); at the cap `ZRANGE` and a second one, also if the old session was changed concurrently. In a
    /// Cluster, if the old session is in another slot: `HGETALL`, then `park.lua`, `leave.lua` and `activate.lua`; at
    /// the cap `ZRANGE` and a second `activate.lua`, or, if the cap rejects, a second `park.lua`. To join: `HGETALL` if
    /// this handle found the guest session live, and `reauthenticate.lua`, repeated for at most 2 seconds while the
    /// first login is in progress.
    pub async fn login(&self, login: Login) -> Result<LoginOutcome, Error> {
        if self.is_cross_slot(&login.user) {
            let session = self.clone();
            return uncancelled(async move { session.login_in_turn(login).await }).await;
        }
        self.login_in_turn(login).await
    }

    /// Whether the login ends the old session in a separate call, so that the call that creates the new one has to
    /// follow.
    fn is_cross_slot(&self, user: &str) -> bool {
        let elsewhere = |id: SessionId| id.bucket() != UserHash::of(user).bucket();
        self.sessions().store().is_sharded() && self.id().is_some_and(elsewhere)
    }

    async fn login_in_turn(&self, login: Login) -> Result<LoginOutcome, Error> {
        self.sessions().settings().limits.check_user(&login.user)?;
        let lifetimes = login.timeouts.map(|timeouts| timeouts.checked()).transpose()?;
        let lifetimes = lifetimes.unwrap_or(self.sessions().settings().lifetimes);
        if login.ticket.is_some_and(|ticket| !ticket.is_of(&login.user)) {
            return Ok(LoginOutcome::TicketVoid);
        }
        let _turn = self.0.turn.lock().await;
        self.state().refuse_late()?;
        self.state().drop_refused();
        let live = self.state().live().cloned();
        let found_live = live.is_some();
        match live {
            Some(live) if live.session.meta.user.as_deref() == Some(&login.user) => {
                return self.login_again(live, login, lifetimes).await;
            }
            Some(live) => {
                let guest = live.session.meta.user.is_none();
                let outcome = self.login_new(Some(live), &login, lifetimes).await?;
                if !guest || outcome != LoginOutcome::Gone(Some(EndReason::LoggedIn)) {
                    return Ok(outcome);
                }
            }
            None => {}
        }
        match self.join_successor(&login).await? {
            Some(LoginOutcome::Gone(reason)) if found_live => {
                let _ = self.state().gone(reason);
                Ok(LoginOutcome::Gone(reason))
            }
            Some(outcome) => Ok(outcome),
            None => self.login_new(None, &login, lifetimes).await,
        }
    }

    async fn login_new(&self, live: Option<Live>, login: &Login, lifetimes: Lifetimes) -> Result<LoginOutcome, Error> {
        let carries = live.as_ref().is_none_or(|live| live.session.meta.user.is_none());
        let gate = self.gate(login)?;
        let keep = if carries { &login.keep[..] } else { &[] };
        let seen =
            live.as_ref().filter(|_| carries).and_then(|live| live.session.snapshot(self.state().fields.known()));
        let old = live.map(|live| live.session.old());
        let delta = if carries { self.state().fields.delta().clone() } else { Delta::default() };
        let bucket = UserHash::of(&login.user).bucket();
        let mint = || {
            let (new, token) = self.new_session(bucket, Some(login.user.clone()))?;
            Ok::<_, Error>((NewSession { lifetimes, remember: login.remember, ..new }, token))
        };
        let (new, mut token) = mint()?;
        let mut call = store::NewLogin { new, old, seen, keep: keep.to_vec(), delta, gate, door_ms: 0 };
        for _ in 0..MINTS {
            let answer = self.sessions().store().login(self.sessions().op()?, &call).await;
            self.note_outcome(&token, &answer);
            match answer? {
                Ok(record) => {
                    self.state().begin_with(token.id(), record, token.clone());
                    return Ok(LoginOutcome::As(token.id()));
                }
                Err(Refused::Exists) => (call.new, token) = mint()?,
                // The login may join the session that another login created, with the changes of this request.
                Err(Refused::Gone(reason @ Some(EndReason::LoggedIn))) if carries => {
                    let _ = self.state().gone_meanwhile(reason);
                    return Ok(LoginOutcome::Gone(reason));
                }
                Err(refused) => return self.refused_login(refused),
            }
        }
        Err(ids_taken())
    }

    async fn login_again(&self, live: Live, login: Login, lifetimes: Lifetimes) -> Result<LoginOutcome, Error> {
        let token = self.mint(live.session.id)?;
        let call = Reauthenticate {
            id: live.session.id,
            generation: live.session.meta.generation,
            gate: self.gate(&login)?,
            user: login.user,
            secret: token.hash(),
            lifetimes,
            client: self.client().clone(),
            remember: login.remember.or(live.session.meta.remember),
            delta: self.state().fields.delta().clone(),
        };
        let answer = self.sessions().store().reauthenticate(self.sessions().op()?, &call).await;
        self.note_outcome(&token, &answer);
        match answer? {
            Ok(record) => {
                self.state().begin_with(live.session.id, record, token);
                Ok(LoginOutcome::As(live.session.id))
            }
            Err(refused) => self.refused_login(refused),
        }
    }

    fn gate(&self, login: &Login) -> Result<Gate, Error> {
        let cap = login.cap.unwrap_or(self.sessions().settings().cap).checked()?;
        Ok(Gate { cap, ticket: login.ticket.map(|ticket| ticket.ticket) })
    }

    pub(super) fn refused_login(&self, refused: Refused) -> Result<LoginOutcome, Error> {
        match refused {
            Refused::AtCap => Ok(LoginOutcome::AtCap),
            Refused::TicketVoid => Ok(LoginOutcome::TicketVoid),
            Refused::Conflict => {
                self.state().superseded();
                Ok(LoginOutcome::Conflict)
            }
            Refused::Gone(reason) => {
                let _ = self.state().gone(reason);
                Ok(LoginOutcome::Gone(reason))
            }
            refused => Err(refused.into_error(&self.sessions().settings().limits, "")),
        }
    }
}
