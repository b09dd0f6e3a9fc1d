//! The operation of a request on its session.

use cloakroom::{ClientInfo, EndOutcome, Error, Login, LoginOutcome, SaveOutcome, Session, Sessions};
use serde::{Deserialize, Serialize};

/// The kinds of requests. `Create` follows each logout: the visitor comes back as a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    Read,
    Write,
    Login,
    Logout,
    Create,
}

impl Operation {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Create => "create",
        }
    }
}

/// The reason for a failed request, as printed in the report.
pub(crate) type Kind = &'static str;

/// The session is not there although nobody ended it.
pub(crate) const GONE: Kind = "Gone";

pub(crate) const FIELDS: [&str; 4] = ["address", "cart", "language", "theme"];
/// With two bytes before it, a field of 50.
const VALUE: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
/// The user agent of a current browser, 110 bytes.
const AGENT: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.3";

fn client() -> ClientInfo {
    ClientInfo::new().user_agent(AGENT)
}

pub(crate) async fn read(sessions: &Sessions, token: &str) -> Result<(), Kind> {
    let session = open(sessions, token).await?;
    let value: Option<String> = session.get(FIELDS[0]).map_err(kind)?;
    value.map(drop).ok_or("Incomplete")
}

pub(crate) async fn write(sessions: &Sessions, token: &str) -> Result<(), Kind> {
    let session = open(sessions, token).await?;
    // Another value each time: an unchanged one is not sent.
    session.insert(FIELDS[1], &format!("{:048}", fastrand::u64(..))).map_err(kind)?;
    save(&session).await
}

/// Returns the new token.
pub(crate) async fn login(sessions: &Sessions, token: &str, user: &str) -> Result<String, Kind> {
    let session = open(sessions, token).await?;
    enter(&session, user).await
}

pub(crate) async fn logout(sessions: &Sessions, token: &str) -> Result<(), Kind> {
    match open(sessions, token).await?.logout().await.map_err(kind)? {
        EndOutcome::Ended => Ok(()),
        EndOutcome::Superseded => Err("Conflict"),
        EndOutcome::AlreadyEnded(_) | EndOutcome::NoSession => Err(GONE),
    }
}

/// A new session with four fields: a guest's, or a user's. Returns its token.
pub(crate) async fn create(sessions: &Sessions, user: Option<&str>) -> Result<String, Kind> {
    let session = sessions.open(None, client()).await.map_err(kind)?;
    for name in FIELDS {
        session.insert(name, VALUE).map_err(kind)?;
    }
    match user {
        Some(user) => enter(&session, user).await,
        None => {
            save(&session).await?;
            token(&session)
        }
    }
}

async fn open(sessions: &Sessions, token: &str) -> Result<Session, Kind> {
    let session = sessions.open(Some(token), client()).await.map_err(kind)?;
    if session.id().is_some() { Ok(session) } else { Err(GONE) }
}

async fn save(session: &Session) -> Result<(), Kind> {
    match session.save().await.map_err(kind)? {
        SaveOutcome::Saved => Ok(()),
        SaveOutcome::Unchanged => Err("Unchanged"),
        SaveOutcome::Conflict => Err("Conflict"),
        SaveOutcome::Withheld => Err("Withheld"),
        SaveOutcome::Gone(_) => Err(GONE),
    }
}

async fn enter(session: &Session, user: &str) -> Result<String, Kind> {
    match session.login(Login::new(user).keep(FIELDS)).await.map_err(kind)? {
        LoginOutcome::As(_) => token(session),
        LoginOutcome::Gone(_) => Err(GONE),
        LoginOutcome::AtCap => Err("AtCap"),
        LoginOutcome::TicketVoid => Err("TicketVoid"),
        LoginOutcome::Conflict => Err("Conflict"),
    }
}

fn token(session: &Session) -> Result<String, Kind> {
    session.token().map(|token| token.reveal().to_string()).ok_or("NoToken")
}

fn kind(error: Error) -> Kind {
    match error {
        Error::Unavailable(_) => "Unavailable",
        Error::Indeterminate(_) => "Indeterminate",
        Error::Gone(_) => GONE,
        Error::Conflict => "Conflict",
        Error::Limit(_) => "Limit",
        Error::Unreadable(_) => "Unreadable",
        _ => "Other",
    }
}
