//! Everything visible of a handle or a list, as a line without what differs between stores.

use std::time::{Duration, SystemTime};

use cloakroom::{CookieChange, FieldKind, Session, SessionInfo};

use super::names::Names;
use super::setup::GRID;

/// Half of the distance that an advance keeps from a multiple of the grid.
const SLACK: Duration = Duration::from_millis(250);

/// A handle, and the present if the times that it has read are comparable.
pub(super) struct Look<'a> {
    pub(super) session: &'a Session,
    pub(super) now: Option<SystemTime>,
}

impl Look<'_> {
    pub(super) fn line(&self, names: &mut Names) -> String {
        let session = self.session;
        let id = session.id().map_or_else(|| "none".into(), |id| names.id(id));
        if let Some(token) = session.token() {
            names.token(&token);
        }
        let cookie = match session.cookie_change() {
            CookieChange::Keep => "keep".into(),
            CookieChange::Set(token) => names.token(&token),
            CookieChange::Remove => "remove".into(),
        };
        let dirty = if session.is_dirty() { " dirty" } else { "" };
        let mut line = format!("{id} cookie={cookie}{dirty}");
        line += &session.user().map(|user| format!(" user={user}")).unwrap_or_default();
        line += &session.ended().map(|reason| format!(" ended={reason}")).unwrap_or_default();
        line += &format!(" {{{}}}", fields(session));
        line + &self.times()
    }

    fn times(&self) -> String {
        let session = self.session;
        let Some(now) = self.now.filter(|_| session.id().is_some()) else { return String::new() };
        let age = |at: Option<SystemTime>| at.map(|at| age(now, at));
        format!(
            " created={:?} login={:?} used={:?} left={:?} absolute={:?} due={} {:?}",
            age(session.created_at()),
            age(session.auth_time()),
            age(session.last_access()),
            session.time_left().map(left),
            session.absolute_time_left().map(left),
            session.reauthentication_due(Duration::from_secs(60)),
            session.timeouts(),
        )
    }
}

/// Times of one entry of a user's list.
pub(super) fn ages(now: SystemTime, one: &SessionInfo) -> String {
    let age = |at| age(now, at);
    let agent = one.user_agent.as_deref().unwrap_or_default();
    format!("created={} login={} used={} {agent}", age(one.created_at), age(one.auth_time), age(one.last_access))
}

/// The age, in steps of the grid, rounded down: slightly more time has passed than was advanced.
fn age(now: SystemTime, at: SystemTime) -> u64 {
    let passed = now.duration_since(at).unwrap_or_default() + SLACK;
    (passed.as_millis() / GRID.as_millis()) as u64
}

/// The time left, in steps of the grid, rounded up: slightly less than was given.
pub(super) fn left(span: Duration) -> u64 {
    span.saturating_sub(SLACK).as_millis().div_ceil(GRID.as_millis()) as u64
}

fn fields(session: &Session) -> String {
    let one = |name: String| match session.kind(&name) {
        Some(FieldKind::Counter) => format!("{name}#{:?}", session.counter(&name)),
        Some(FieldKind::Bytes) => {
            format!("{name}*{:?}", session.get_bytes(&name).map(|bytes| bytes.map(|it| it.len())))
        }
        _ => format!("{name}={:?}", session.get::<i64>(&name)),
    };
    session.names().into_iter().map(one).collect::<Vec<_>>().join(" ")
}
