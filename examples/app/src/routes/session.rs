//! The content of the visitor's session.

use axum::Json;
use cloakroom::{EndReason, Error, FieldKind, Session};
use serde_json::{Map, Value, json};

/// Never creates a session.
pub(crate) async fn show(session: Session) -> Result<Json<Value>, Error> {
    Ok(Json(json!({
        "id": session.id().map(|id| id.to_string()),
        "user": session.user(),
        "fields": fields(&session)?,
        "ended": session.ended().map(EndReason::as_str),
    })))
}

fn fields(session: &Session) -> Result<Map<String, Value>, Error> {
    session.names().into_iter().map(|name| Ok((name.clone(), field(session, &name)?))).collect()
}

/// Values as they were written, counters as numbers, bytes as arrays of numbers; null for what only a newer version
/// reads.
fn field(session: &Session, name: &str) -> Result<Value, Error> {
    Ok(match session.kind(name) {
        Some(FieldKind::Value) => session.get(name)?.unwrap_or(Value::Null),
        Some(FieldKind::Counter) => json!(session.counter(name)?),
        Some(FieldKind::Bytes) => json!(session.get_bytes(name)?),
        _ => Value::Null,
    })
}
