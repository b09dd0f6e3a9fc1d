//! A request that waits between load and save, so that something can happen in between.

use std::time::Duration;

use axum::Json;
use cloakroom::{EndReason, Error, LimitExceeded, SaveOutcome, Session};
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

/// Saves explicitly and reports the outcome: 200, even where nothing was saved. An outage is 503, as everywhere.
pub(crate) async fn write(session: Session, JsonBody(slow): JsonBody<Slow>) -> Result<Json<Value>, Error> {
    tokio::time::sleep(Duration::from_millis(slow.ms.min(LONGEST_MS))).await;
    let reason = match save(&session, &slow).await {
        Ok(SaveOutcome::Saved | SaveOutcome::Unchanged) => return Ok(Json(json!({ "saved": true }))),
        Ok(SaveOutcome::Gone(reason)) | Err(Error::Gone(reason)) => reason.map(EndReason::as_str),
        Ok(SaveOutcome::Conflict) => Some("conflict"),
        Ok(SaveOutcome::Withheld) => Some("withheld"),
        Err(Error::Limit(limit)) if limit != LimitExceeded::FieldName => Some("too_large"),
        Err(error) => return Err(error),
    };
    // The response reports it, so the layer must not save again.
    session.discard();
    Ok(Json(json!({ "saved": false, "reason": reason })))
}

async fn save(session: &Session, slow: &Slow) -> Result<SaveOutcome, Error> {
    session.insert(&slow.field, &slow.value)?;
    // The same value again is a write too: "saved" has to mean that the session was live.
    session.set_dirty(true);
    session.save().await
}
