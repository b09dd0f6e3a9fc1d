//! The page's forms. On success they redirect to the page, so that reloading it repeats nothing.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::{EndOutcome, Login, LoginOutcome, Session, SessionId};
use serde::Deserialize;

use super::answer::{Page, Trouble};
use super::cart::{self, Changed};
use super::notice::Notice;
use super::ours::Ours;

type Answer = Result<Response, Trouble>;

const LONGEST_NAME: usize = 64;

#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
pub(super) struct Name {
    name: String,
}

#[derive(Deserialize)]
pub(super) struct Item {
    item: String,
}

#[derive(Deserialize)]
pub(super) struct Device {
    id: String,
}

/// A real application checks a password first.
pub(super) async fn sign_in(Ours { session, sent }: Ours<Name>) -> Answer {
    let name = sent.name.trim();
    if !(1..=LONGEST_NAME).contains(&name.chars().count()) {
        return refuse(&session, StatusCode::UNPROCESSABLE_ENTITY, Notice::NameWanted).await;
    }
    match session.login(Login::new(name).keep([cart::FIELD])).await? {
        LoginOutcome::As(_) => Ok(Redirect::to("/").into_response()),
        LoginOutcome::AtCap => refuse(&session, StatusCode::CONFLICT, Notice::AtCap).await,
        LoginOutcome::Gone(_) | LoginOutcome::Conflict | LoginOutcome::TicketVoid => stale(&session).await,
    }
}

pub(super) async fn sign_out(Ours { session, .. }: Ours<Nothing>) -> Answer {
    match session.logout().await? {
        EndOutcome::Ended | EndOutcome::AlreadyEnded(_) | EndOutcome::NoSession => Ok(done(Notice::SignedOut)),
        EndOutcome::Superseded => stale(&session).await,
    }
}

pub(super) async fn add(Ours { session, sent }: Ours<Item>) -> Answer {
    let item = sent.item.trim();
    if !(1..=cart::LONGEST).contains(&item.chars().count()) {
        return refuse(&session, StatusCode::UNPROCESSABLE_ENTITY, Notice::ItemWanted).await;
    }
    if cart::items(&session).len() >= cart::MOST {
        return refuse(&session, StatusCode::CONFLICT, Notice::CartFull).await;
    }
    changed(&session, cart::change(&session, |items| items.push(item.to_owned())).await?).await
}

pub(super) async fn remove(Ours { session, sent }: Ours<Item>) -> Answer {
    let without = |items: &mut Vec<String>| {
        if let Some(at) = items.iter().position(|item| *item == sent.item) {
            items.remove(at);
        }
    };
    changed(&session, cart::change(&session, without).await?).await
}

/// This includes the own device: that is a logout.
pub(super) async fn end_device(Ours { session, sent }: Ours<Device>) -> Answer {
    let Some(user) = session.user() else { return sign_in_first(&session).await };
    let id: Option<SessionId> = sent.id.parse().ok();
    if id.is_some() && id == session.id() {
        return sign_out(Ours { session, sent: Nothing {} }).await;
    }
    let ended = match id {
        Some(id) => session.sessions().user(user).revoke(id).await?,
        None => false,
    };
    if ended {
        Ok(done(Notice::DeviceEnded))
    } else {
        refuse(&session, StatusCode::NOT_FOUND, Notice::NoSuchDevice).await
    }
}

pub(super) async fn end_others(Ours { session, .. }: Ours<Nothing>) -> Answer {
    let (Some(user), Some(own)) = (session.user(), session.id()) else { return sign_in_first(&session).await };
    match session.sessions().user(user).revoke_others(own).await? {
        Some(_) => Ok(done(Notice::OthersEnded)),
        None => {
            // Our own session has ended meanwhile; a new read returns the reason.
            let _ = session.reload().await;
            stale(&session).await
        }
    }
}

pub(super) async fn end_all(Ours { session, .. }: Ours<Nothing>) -> Answer {
    if session.is_guest() {
        return sign_in_first(&session).await;
    }
    session.logout_everywhere().await?;
    Ok(done(Notice::AllEnded))
}

async fn changed(session: &Session, changed: Changed) -> Answer {
    match changed {
        Changed::Done => Ok(Redirect::to("/").into_response()),
        Changed::Busy => refuse(session, StatusCode::CONFLICT, Notice::Busy).await,
        Changed::Gone => stale(session).await,
    }
}

fn done(notice: Notice) -> Response {
    Redirect::to(&format!("/?done={}", notice.word())).into_response()
}

async fn refuse(session: &Session, status: StatusCode, notice: Notice) -> Answer {
    Ok(Page::refused(session, status, notice).await?.into_response())
}

async fn stale(session: &Session) -> Answer {
    refuse(session, StatusCode::CONFLICT, Notice::Stale).await
}

async fn sign_in_first(session: &Session) -> Answer {
    refuse(session, StatusCode::UNAUTHORIZED, Notice::SignInFirst).await
}
