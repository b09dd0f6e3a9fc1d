//! Mass revocation. For the example only: anyone may call it.

use axum::Json;
use axum::extract::State;
use cloakroom::{Error, Revoked, Sessions};
use serde_json::{Value, json};

use super::body::JsonBody;
use super::identity::Named;

pub(crate) async fn revoke_user(
    State(sessions): State<Sessions>,
    JsonBody(named): JsonBody<Named>,
) -> Result<Json<Value>, Error> {
    sessions.revoke_user(named.user).await.map(shown)
}

pub(crate) async fn revoke_guests(State(sessions): State<Sessions>) -> Result<Json<Value>, Error> {
    sessions.revoke_guests(|_| {}).await.map(shown)
}

pub(crate) async fn revoke_all(State(sessions): State<Sessions>) -> Result<Json<Value>, Error> {
    sessions.revoke_all(|_| {}).await.map(shown)
}

fn shown(revoked: Revoked) -> Json<Value> {
    Json(json!({ "revoked": revoked.ended }))
}
