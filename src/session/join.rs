//! A login that was sent twice: the second one joins the session of the first.

use std::collections::BTreeMap;

use super::{Phase, Session};
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::Delta;
use crate::identity::id::{SessionId, UserHash};
use crate::session::load;
use crate::session::login_request::{Login, LoginOutcome};
use crate::store::{Join, Refused};

impl Session {
    /// A login with the token of a guest session that another login ended: joins the session of that login if it is the
    /// same visitor's. `None` means to log in as without a session.
    pub(super) async fn join_successor(&self, login: &Login) -> Result<Option<LoginOutcome>, Error> {
        let Some(successor) = self.successor().await? else {
            return Ok(match self.state().phase {
                Phase::Ended(reason) => Some(LoginOutcome::Gone(reason)),
                Phase::Draft { .. } | Phase::Live(_) => None,
            });
        };
        // A user's sessions are all in the user's bucket, so one in another bucket is another user's: no request is
        // sent.
        if successor.bucket() == UserHash::of(&login.user).bucket()
            && let Some(outcome) = self.join(successor, login).await?
        {
            return Ok(Some(outcome));
        }
        let mut state = self.state();
        if let Phase::Ended(reason) = state.phase {
            state.phase = Phase::after(reason);
        }
        Ok(None)
    }

    /// The session that a login created in place of this handle's guest session.
    async fn successor(&self) -> Result<Option<SessionId>, Error> {
        let left = match self.state() {
            state if matches!(state.phase, Phase::Ended(Some(EndReason::LoggedIn))) => state.left,
            state => return Ok(state.before().map(|before| before.successor)),
        };
        let Some((id, presented)) = left else { return Ok(None) };
        let (phase, _) = load::read(self.sessions(), id, presented).await?;
        Ok(phase.before().map(|before| before.successor))
    }

    async fn join(&self, successor: SessionId, login: &Login) -> Result<Option<LoginOutcome>, Error> {
        let token = self.mint(successor)?;
        let call = Join {
            id: successor,
            user: login.user.clone(),
            secret: token.hash(),
            client: self.client().clone(),
            delta: kept(self.state().fields.delta(), &login.keep),
            ticket: login.ticket.map(|ticket| ticket.ticket),
        };
        let answer = self.sessions().store().join(self.sessions().op()?, &call).await;
        self.note_outcome(&token, &answer);
        match answer? {
            Ok(record) => {
                self.state().begin_with(successor, record, token);
                Ok(Some(LoginOutcome::As(successor)))
            }
            // Nobody ever received a token of an undelivered session, so no visitor has ended it.
            Err(Refused::NotJoined | Refused::Gone(Some(EndReason::Undelivered))) => Ok(None),
            Err(refused) => self.refused_login(refused).map(Some),
        }
    }
}

/// The changes to the kept fields. `clear` removes only kept fields that this request named.
fn kept(delta: &Delta, keep: &[String]) -> Delta {
    let cleared = keep.iter().filter(|_| delta.clear).map(|name| (name.clone(), None));
    let changes = delta.changes.iter().filter(|(name, _)| keep.contains(name)).cloned();
    let changes: BTreeMap<String, Option<Vec<u8>>> = cleared.chain(changes).collect();
    Delta { clear: false, changes: changes.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(clear: bool, changes: &[(&str, Option<u8>)]) -> Delta {
        let changes = changes.iter().map(|(name, byte)| ((*name).to_owned(), byte.map(|byte| vec![byte])));
        Delta { clear, changes: changes.collect() }
    }

    #[test]
    fn a_join_changes_only_fields_that_the_login_keeps() {
        let keep = ["cart", "theme"].map(str::to_owned);
        let changes = delta(false, &[("cart", Some(1)), ("other", Some(2)), ("theme", None)]);
        assert_eq!(kept(&changes, &keep), delta(false, &[("cart", Some(1)), ("theme", None)]));
        let cleared = delta(true, &[("cart", Some(1)), ("other", Some(2))]);
        assert_eq!(kept(&cleared, &keep), delta(false, &[("cart", Some(1)), ("theme", None)]));
    }
}
