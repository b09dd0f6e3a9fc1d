//! A request that takes its time between load and save, so that something can happen in between.

use std::time::Duration;

use axum::Json;
use cloakroom::{EndReason, Error, SaveOutcome, Session};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::JsonBody;

const LONGEST_MS: u64 = 60_000;

/// What to write, and after how long.
#[derive(Deserialize)]
pub(crate) struct Slow {
    ms: u64,
    field: String,
    value: Value,
}

/// Saves by itself, to tell what became of it.
pub(crate) async fn write(session: Session, JsonBody(slow): JsonBody<Slow>) -> Result<Json<Value>, Error> {
    tokio::time::sleep(Duration::from_millis(slow.ms.min(LONGEST_MS))).await;
    let before: Option<Value> = session.get(&slow.field).unwrap_or_default();
    session.insert(&slow.field, &slow.value)?;
    // The same value again is a write too: "saved" has to mean that the session was live.
    session.set_dirty(true);
    let reason = match session.save().await? {
        SaveOutcome::Saved | SaveOutcome::Unchanged => return Ok(Json(json!({ "saved": true }))),
        SaveOutcome::Gone(reason) => reason.map(EndReason::as_str),
        SaveOutcome::Withheld => Some("withheld"),
        SaveOutcome::Conflict => {
            take_back(&session, &slow.field, before)?;
            None
        }
    };
    Ok(Json(json!({ "saved": false, "reason": reason })))
}

/// The answer tells of the conflict; nothing is left for the layer to save once more.
fn take_back(session: &Session, field: &str, before: Option<Value>) -> Result<(), Error> {
    session.set_dirty(false);
    match before {
        Some(value) => session.insert(field, &value),
        None => session.remove(field).map(drop),
    }
}
