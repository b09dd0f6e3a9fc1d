//! Applies a step to a world, and formats the result as a line.

use std::time::UNIX_EPOCH;

use cloakroom::{CookieChange, Error, Login, LoginOutcome, Session};

use super::look::{Look, ages};
use super::step::{Act, Cookie, FIELDS, Kind, LoginAs, Step, USERS, UserAct, Walk};
use super::world::{Held, World};

impl World {
    /// Applies the step; returns everything that can be seen of it.
    pub(super) async fn step(&mut self, step: &Step) -> String {
        self.keep_time().await;
        match step {
            Step::Advance(by) => {
                self.advance(*by).await;
                String::new()
            }
            Step::Request { slot, browser, cookie, server, kind } => {
                let session = self.request(*browser, *cookie, *server, *kind).await;
                self.slots[*slot] = Some(Held { session, browser: *browser, era: self.era });
                self.look_at(*slot)
            }
            Step::On { slot, act } => self.on(*slot, act).await,
            Step::Of { user, act } => self.of(*user, *act).await.unwrap_or_else(shown),
            Step::Walk(walk) => self.walk(*walk).await.unwrap_or_else(shown),
            Step::Repeat(back) => {
                if let Some(past) = &mut self.past {
                    past.repeat(*back).await;
                }
                String::new()
            }
        }
    }

    async fn request(&self, browser: usize, cookie: Cookie, server: usize, kind: Kind) -> Session {
        let token = match cookie {
            Cookie::None => None,
            Cookie::Own => self.jars[browser].clone(),
            Cookie::Issued(nth) => self.names.nth_token(nth).map(str::to_owned),
            Cookie::Forged(id, secret) => {
                // The id is 21 characters and a third, so four bits of its secret come with it.
                let pair = self.names.nth_token(id).zip(self.names.nth_token(secret));
                let strangers = pair.filter(|(id, secret)| id[..21] != secret[..21]);
                strangers.map(|(id, secret)| format!("{}{}", &id[..22], &secret[22..]))
            }
        };
        let sessions = &self.servers[server];
        let token = token.as_deref();
        match kind {
            Kind::Peek => sessions.peek(token, Self::client(browser)).await.expect("the store is there"),
            Kind::Open => {
                let session = sessions.open(token, Self::client(browser)).await.expect("the store is there");
                // Tasks concurrent with the request finish before the next step.
                let _ = session.touch().await.expect("the store is there");
                session
            }
        }
    }

    async fn on(&mut self, slot: usize, act: &Act) -> String {
        let Some(held) = self.slots[slot].as_ref() else { return "no handle".into() };
        let (session, before) = (held.session.clone(), held.session.id());
        let stale = held.era != self.era && session.id().is_some();
        let outcome = match act {
            Act::Touch | Act::Rotate if stale => self.read_again(slot, &session, act).await,
            _ => self.act(slot, &session, act).await,
        };
        let outcome = outcome.unwrap_or_else(shown);
        if session.id() != before {
            self.read_now(slot);
        }
        format!("{outcome}; {}", self.look_at(slot))
    }

    async fn read_again(&mut self, slot: usize, session: &Session, act: &Act) -> Result<String, Error> {
        session.reload().await?;
        self.read_now(slot);
        self.act(slot, session, act).await
    }

    fn read_now(&mut self, slot: usize) {
        if let Some(held) = &mut self.slots[slot] {
            held.era = self.era;
        }
    }

    async fn act(&mut self, slot: usize, session: &Session, act: &Act) -> Result<String, Error> {
        Ok(match act {
            Act::Insert(field, value) => line(session.insert(FIELDS[*field], value)?),
            Act::InsertBytes(field, length) => line(session.insert_bytes(FIELDS[*field], &vec![7; *length])?),
            Act::Remove(field) => line(session.remove(FIELDS[*field])?),
            Act::Clear => line(session.clear()?),
            Act::MarkDirty => {
                session.set_dirty(true);
                "marked".into()
            }
            Act::Save => line(session.save().await?),
            Act::SaveIfUnchanged => line(session.save_if_unchanged().await?),
            Act::Discard => {
                session.discard();
                "discarded".into()
            }
            Act::Increment(field, by) => line(session.increment(FIELDS[*field], *by).await?),
            Act::Touch => line(session.touch().await?.map(super::look::left)),
            Act::Rotate => line(session.rotate().await?),
            Act::Reload => {
                session.reload().await?;
                self.read_now(slot);
                "read".into()
            }
            Act::SetTimeouts(span) => line(session.set_timeouts(span.timeouts()).await?),
            Act::Login(login) => self.login(slot, session, *login).await?,
            Act::Logout => line(session.logout().await?),
            Act::LogoutKeeping(keep) => line(session.logout_keeping(chosen(*keep)).await?),
            Act::LogoutEverywhere => line(session.logout_everywhere().await?),
            Act::Invalidate => line(session.invalidate().await?),
            Act::Reset => line(session.reset().await?),
            Act::Respond => self.respond(slot, session),
        })
    }

    async fn login(&mut self, slot: usize, session: &Session, asked: LoginAs) -> Result<String, Error> {
        let mut login = Login::new(USERS[asked.user]).keep(chosen(asked.keep));
        if let Some(span) = asked.span {
            login = login.timeouts(span.timeouts());
        }
        if asked.lowest_cap {
            login = login.cap(self.setup.cap_of(1));
        }
        // Like a handle, a ticket from before an advance has another time than Redis.
        let ticket = asked.ticket.and_then(|user| self.tickets[user]).filter(|(_, era)| *era == self.era);
        if let Some((ticket, _)) = ticket {
            login = login.ticket(ticket);
        }
        Ok(match session.login(login).await? {
            LoginOutcome::As(id) => {
                self.read_now(slot);
                format!("as {}", self.names.id(id))
            }
            refused => line(refused),
        })
    }

    fn respond(&mut self, slot: usize, session: &Session) -> String {
        let Some(held) = &self.slots[slot] else { return String::new() };
        match session.cookie_change() {
            CookieChange::Keep => {}
            CookieChange::Set(token) => self.jars[held.browser] = Some(token.reveal().to_string()),
            CookieChange::Remove => self.jars[held.browser] = None,
        }
        "responded".into()
    }

    async fn of(&mut self, user: usize, act: UserAct) -> Result<String, Error> {
        let all = self.servers[0].user(USERS[user]);
        let named = |nth| self.names.nth_id(nth);
        Ok(match act {
            UserAct::List => {
                let now = self.now();
                let listed = all.list().await?;
                listed
                    .iter()
                    .map(|one| format!("{} {}", self.names.id(one.id), ages(now, one)))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            UserAct::Ticket => {
                self.tickets[user] = Some((self.servers[1].ticket(USERS[user]).await?, self.era));
                "taken".into()
            }
            UserAct::Revoke(nth) => match named(nth) {
                Some(id) => line(all.revoke(id).await?),
                None => "nobody".into(),
            },
            UserAct::RevokeOthers(nth) => match named(nth) {
                Some(id) => line(all.revoke_others(id).await?),
                None => "nobody".into(),
            },
            UserAct::RevokeAll => line(all.revoke_all().await?),
        })
    }

    async fn walk(&self, walk: Walk) -> Result<String, Error> {
        let sessions = &self.servers[0];
        Ok(match walk {
            Walk::Sweep => line(sessions.sweep().await?),
            Walk::RevokeGuests => line(sessions.revoke_guests(|_| {}).await?),
            Walk::RevokeEveryone => line(sessions.revoke_all(|_| {}).await?),
            Walk::Active => line(sessions.active_since(UNIX_EPOCH).await?),
        })
    }

    fn look_at(&mut self, slot: usize) -> String {
        let Some(held) = &self.slots[slot] else { return String::new() };
        let fresh = (held.era == self.era).then(|| self.now());
        Look { session: &held.session, now: fresh }.line(&mut self.names)
    }

    /// What every token ever issued opens, and the list of every user.
    pub(super) async fn last_look(&mut self) -> Vec<String> {
        self.keep_time().await;
        let mut seen = Vec::new();
        for token in self.names.tokens() {
            let session = self.servers[0].peek(Some(&token), Self::client(0)).await.expect("the store is there");
            let now = Some(self.now());
            seen.push(Look { session: &session, now }.line(&mut self.names));
        }
        for user in 0..USERS.len() {
            seen.push(self.of(user, UserAct::List).await.unwrap_or_else(shown));
        }
        seen
    }
}

/// A choice of fields, one bit for each.
fn chosen(bits: usize) -> impl Iterator<Item = &'static str> + Send {
    FIELDS.into_iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, name)| name)
}

fn line(outcome: impl std::fmt::Debug) -> String {
    format!("{outcome:?}")
}

fn shown(error: Error) -> String {
    format!("error {error:?}")
}
