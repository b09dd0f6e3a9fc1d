//! Login and re-authentication: ticket, cap, login time.

use crate::config::{AtCap, Cap};
use crate::end::EndReason;
use crate::fields::map::Contents;
use crate::identity::id::SessionId;
use crate::store::memory::contents::{self, applied, kept};
use crate::store::memory::state::{MemoryState, cover};
use crate::store::{NewLogin, Reauthenticate, Record, Refused, TICKET_LIFE_MS, Ticket};
use crate::util::clock::Millis;

impl MemoryState {
    /// Order: `Exists`, `TicketVoid`, the old session's `Gone` and `Conflict`, limits, `AtCap`.
    ///
    /// The old session does not count against the cap, whoever's it is, since this call ends it.
    pub(super) fn login(&mut self, login: &NewLogin) -> Result<Record, Refused> {
        let user = login.new.user.as_deref().unwrap_or_default();
        self.vacant(login.new.id)?;
        self.check_ticket(user, login.gate.ticket)?;
        let old = login.old.as_ref().map(|old| self.current(old.id, old.generation)).transpose()?;
        let guest = old.as_ref().is_some_and(|record| record.meta.user.is_none());
        let before = old.map(|record| record.fields).unwrap_or_default();
        let fields = kept(&applied(&before, &login.delta), &login.keep);
        contents::check(&fields, &Contents::default(), &self.settings.limits)?;
        let since = self.login_time(user);
        let leaving = login.old.as_ref().map(|old| old.id);
        self.make_room(user, leaving, login.gate.cap)?;
        if let Some(old) = leaving {
            let successor = (guest || login.door_ms > 0).then_some(login.new.id);
            self.put_tombstone_to(old, EndReason::LoggedIn, successor, login.door_ms);
        }
        Ok(self.begin(&login.new, since, fields))
    }

    /// Order: `TicketVoid`, `Gone`, `Conflict`, limits, `AtCap`. Another user's session, or a guest's, is `Gone`
    /// without a reason.
    pub(super) fn reauthenticate(&mut self, again: &Reauthenticate) -> Result<Record, Refused> {
        self.check_ticket(&again.user, again.gate.ticket)?;
        if self.live(again.id)?.meta.user.as_ref() != Some(&again.user) {
            return Err(Refused::Gone(None));
        }
        let mut record = self.current(again.id, again.generation)?;
        self.write(&mut record, &again.delta)?;
        let since = self.login_time(&again.user);
        self.make_room(&again.user, Some(again.id), again.gate.cap)?;
        let meta = &mut record.meta;
        meta.generation += 1;
        // Also without changes, so that a conditional save notices the login.
        meta.version += u32::from(again.delta.is_empty());
        (meta.since, meta.touched, meta.lifetimes) = (since, self.now, again.lifetimes);
        // A use of the old secret does not show that a client has the new one.
        (meta.secret, meta.rotation, meta.uses) = (again.secret, None, 0);
        (meta.client, meta.remember) = (again.client.clone(), again.remember);
        cover(meta);
        Ok(self.enter(again.id, record))
    }

    /// A user's epoch, if still kept.
    pub(super) fn epoch(&self, user: &str) -> Option<Millis> {
        self.epochs.get(user).filter(|epoch| self.now <= epoch.until).map(|epoch| epoch.at)
    }

    pub(super) fn ticket(&self, user: &str) -> Ticket {
        Ticket { epoch: self.epoch(user), taken: self.now }
    }

    /// A forgotten epoch voids nothing: a ticket that has seen it is soon void by its age.
    pub(super) fn check_ticket(&self, user: &str, ticket: Option<Ticket>) -> Result<(), Refused> {
        let Some(ticket) = ticket else { return Ok(()) };
        let epoch = self.epoch(user);
        let revoked = epoch.is_some() && epoch != ticket.epoch;
        if revoked || self.now > ticket.taken + TICKET_LIFE_MS { Err(Refused::TicketVoid) } else { Ok(()) }
    }

    /// At least now, and later than the epoch and every login in the index. So the order of logins is strict, and a
    /// revocation never includes a later login.
    fn login_time(&self, user: &str) -> Millis {
        let latest = self.latest_login(user).max(self.epoch(user));
        latest.map_or(self.now, |latest| self.now.max(latest + 1))
    }

    pub(super) fn latest_login(&self, user: &str) -> Option<Millis> {
        self.users.get(user).into_iter().flatten().map(|(_, login)| *login).max()
    }

    /// Makes room for one more session under the cap, `except` not counted: evicts the earliest logins, or refuses.
    fn make_room(&mut self, user: &str, except: Option<SessionId>, cap: Cap) -> Result<(), Refused> {
        let others: Vec<_> = self.members(user).into_iter().filter(|id| Some(*id) != except).collect();
        let excess = (others.len() + 1).saturating_sub(usize::from(cap.most));
        if excess > 0 && cap.policy == AtCap::Reject {
            return Err(Refused::AtCap);
        }
        others.into_iter().take(excess).for_each(|id| self.put_tombstone(id, EndReason::Evicted));
        Ok(())
    }
}
