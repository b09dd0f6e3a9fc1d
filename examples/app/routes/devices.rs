//! The user's own sessions: where else am I logged in, and end that.

use std::time::SystemTime;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use cloakroom::{Error, Session, SessionId, SessionInfo, UserSessions};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::fault::Fault;
use super::identity;

pub(crate) async fn list(session: Session) -> Result<Json<Value>, Fault> {
    let (devices, own) = of_user(&session)?;
    Ok(Json(devices.list().await?.iter().map(|device| shown(device, own)).collect()))
}

/// Ends one of the user's sessions; one's own is a logout.
pub(crate) async fn end(session: Session, id: Result<Path<String>, PathRejection>) -> Result<StatusCode, Fault> {
    let (devices, own) = of_user(&session)?;
    let not_found = || Fault::request(StatusCode::NOT_FOUND, "you have no such session");
    let id: SessionId = id.ok().and_then(|Path(id)| id.parse().ok()).ok_or_else(not_found)?;
    if id == own {
        return Ok(identity::logout(session).await?);
    }
    devices.revoke(id).await?.then_some(StatusCode::NO_CONTENT).ok_or_else(not_found)
}

pub(crate) async fn end_others(session: Session) -> Result<Json<Value>, Fault> {
    let (devices, own) = of_user(&session)?;
    match devices.revoke_others(own).await? {
        Some(revoked) => Ok(Json(json!({ "revoked": revoked.ended }))),
        None => {
            // Nothing was ended, because our own session has ended meanwhile. Reading it again tells why.
            session.reload().await?;
            Err(Error::Conflict.into())
        }
    }
}

fn of_user(session: &Session) -> Result<(UserSessions, SessionId), Fault> {
    let known = session.user().zip(session.id());
    let (user, own) = known.ok_or_else(|| Fault::Guest(session.ended()))?;
    Ok((session.sessions().user(user), own))
}

fn shown(device: &SessionInfo, own: SessionId) -> Value {
    json!({
        "id": device.id.to_string(),
        "current": device.id == own,
        "created_at": rfc3339(device.created_at),
        "last_seen": rfc3339(device.last_access),
        "user_agent": device.user_agent,
        "address": device.address.map(|address| address.to_string()),
    })
}

/// In UTC; `None` for a time past the year 9999.
fn rfc3339(time: SystemTime) -> Option<String> {
    Timestamp::try_from(time).ok().map(|time| time.to_string())
}
