//! Whether this server can do its work.

use axum::Json;
use axum::extract::State;
use cloakroom::{Error, Sessions};
use serde_json::{Value, json};

pub(crate) async fn show(State(sessions): State<Sessions>) -> Result<Json<Value>, Error> {
    sessions.ping().await?;
    Ok(Json(json!({ "status": "ok" })))
}
