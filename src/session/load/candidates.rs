//! Several tokens in one request: cookies of an old and the current path, or a planted one.
//!
//! If all tokens that open a session open the same one, it is used. If they open different ones, the visitor's cannot
//! be determined, and none is used.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use super::{Initial, bound, handle, read};
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::map::Contents;
use crate::identity::client::ClientInfo;
use crate::identity::token::SessionToken;
use crate::session::{Phase, Session};
use crate::sessions::Sessions;
use crate::util::boxed::boxed;

/// Limit of tokens that are tried: each costs a read, and a client can send as many as fit into a header.
const TRIED: usize = 4;

/// The well-formed tokens among all values of one name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Candidates<'a> {
    /// Without duplicates, in the order received; at most [`TRIED`].
    pub(crate) texts: Vec<&'a str>,
    /// Whether there were more.
    pub(crate) more: bool,
}

impl<'a> Candidates<'a> {
    /// Malformed values are skipped: they open nothing and do not affect the others.
    pub(crate) fn among(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut found = Self::default();
        let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
        for text in texts.filter(|text| SessionToken::parse(text).is_ok()) {
            if found.texts.contains(&text) {
                continue;
            }
            if found.texts.len() == TRIED {
                return Self { more: true, ..found };
            }
            found.texts.push(text);
        }
        found
    }
}

/// The session that several tokens open.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "actix-web", feature = "axum")),
    expect(dead_code, reason = "`TestKit` needs the session alone")
)]
pub(crate) struct OpenedSession {
    pub(crate) session: Session,
    /// The token that opened it, if any.
    pub(crate) token: Option<SessionToken>,
    /// Whether they open different sessions, so that none is used.
    pub(crate) several: bool,
}

/// Opens the one session of these tokens, without recording a use.
///
/// All are read concurrently. If one read fails, all fail: an outage is never reported as "no session".
pub(crate) async fn peek(
    sessions: &Sessions,
    candidates: &Candidates<'_>,
    client: ClientInfo,
) -> Result<OpenedSession, Error> {
    let client = client.cut(sessions.settings().limits.user_agent_bytes);
    let mut tokens: Vec<_> = candidates.texts.iter().filter_map(|text| SessionToken::parse(text).ok()).collect();
    let reads = tokens.iter().map(|token| boxed(read(sessions, token.id(), token.presented()))).collect();
    let found: Result<Vec<Initial>, Error> = together(reads).await.into_iter().collect();
    let found = found?.into_iter().map(|found| bound(sessions, &client, found)).collect();
    let (found, choice) = chosen(found);
    let token = match choice {
        Choice::One(at) => Some(tokens.swap_remove(at)),
        Choice::None | Choice::Several => None,
    };
    Ok(OpenedSession { session: handle(sessions, client, found), token, several: choice == Choice::Several })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    None,
    /// The one at this index.
    One(usize),
    Several,
}

/// If both secrets of one session are present, the current one is used: the previous one will soon be invalid.
fn chosen(mut found: Vec<Initial>) -> (Initial, Choice) {
    let live = |phase: &Phase| match phase {
        Phase::Live(live) => Some((live.session.id, live.presented.hash == live.session.meta.secret)),
        Phase::Draft { .. } | Phase::Ended(_) => None,
    };
    let open: Vec<_> = found.iter().enumerate().filter_map(|(at, (phase, _))| Some((at, live(phase)?))).collect();
    let Some((first, (id, _))) = open.first().copied() else { return (none_of(found), Choice::None) };
    if open.iter().any(|(_, (other, _))| *other != id) {
        return ((Phase::draft(), Contents::default()), Choice::Several);
    }
    let at = open.iter().find(|(_, (_, current))| *current).map_or(first, |(at, _)| *at);
    (found.swap_remove(at), Choice::One(at))
}

/// The draft if no token opens a session. It has a reason if all ended sessions have the same one. The cookie is
/// removed if all have ended.
///
/// If exactly one ended by a login, the draft keeps what is known of that login.
fn none_of(found: Vec<Initial>) -> Initial {
    let drafts = found.iter().filter_map(|(phase, _)| match phase {
        Phase::Draft { after, drop_cookie, .. } => Some((*after, *drop_cookie)),
        Phase::Live(_) | Phase::Ended(_) => None,
    });
    let (reasons, drops): (Vec<Option<EndReason>>, Vec<bool>) = drafts.unzip();
    let mut known = reasons.into_iter().flatten();
    let reason = known.next().filter(|first| known.all(|other| other == *first));
    let all_drop = !drops.is_empty() && drops.into_iter().all(|drops| drops);
    let by_login = |phase: &Phase| matches!(phase, Phase::Draft { after: Some(EndReason::LoggedIn), .. });
    let mut logged_in = found.into_iter().map(|(phase, _)| phase).filter(by_login);
    let mut draft = match (logged_in.next(), logged_in.next()) {
        (Some(only), None) => only,
        _ => Phase::draft(),
    };
    if let Phase::Draft { after, drop_cookie, .. } = &mut draft {
        (*after, *drop_cookie) = (reason, all_drop);
    }
    (draft, Contents::default())
}

/// Polls all futures concurrently and waits for all.
async fn together<T>(mut futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, done) in futures.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
