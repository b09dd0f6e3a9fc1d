//! The user's own sessions: list them and end them.

use std::time::SystemTime;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use cloakroom::{Error, SessionId, SessionInfo, User};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::fault::Fault;
use super::identity;

pub(crate) async fn list(user: User) -> Result<Json<Value>, Error> {
    let own = user.session().id();
    Ok(Json(user.sessions().list().await?.iter().map(|device| shown(device, own)).collect()))
}

/// Ends one of the user's sessions; the own one is a logout.
pub(crate) async fn end(user: User, id: Result<Path<String>, PathRejection>) -> Result<StatusCode, Fault> {
    let not_found = || Fault::request(StatusCode::NOT_FOUND, "you have no such session");
    let id: SessionId = id.ok().and_then(|Path(id)| id.parse().ok()).ok_or_else(not_found)?;
    if Some(id) == user.session().id() {
        return Ok(identity::logout(user.session().clone()).await?);
    }
    user.sessions().revoke(id).await?.then_some(StatusCode::NO_CONTENT).ok_or_else(not_found)
}

pub(crate) async fn end_others(user: User) -> Result<Json<Value>, Error> {
    let own = user.session().id().ok_or(Error::Conflict)?;
    match user.sessions().revoke_others(own).await? {
        Some(revoked) => Ok(Json(json!({ "revoked": revoked.ended }))),
        None => {
            // Nothing was ended, because our own session has ended meanwhile. A new read returns the reason.
            user.session().reload().await?;
            Err(Error::Conflict)
        }
    }
}

fn shown(device: &SessionInfo, own: Option<SessionId>) -> Value {
    json!({
        "id": device.id.to_string(),
        "current": Some(device.id) == own,
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
