//! Fields and counters by name.

use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use cloakroom::{Error, Session};
use serde_json::{Value, json};

use super::body::JsonBody;
use super::fault::Fault;

/// A field's name from the path. Checked here too, because an invalid name is not simply an absent field.
pub(crate) struct FieldName(String);

impl<S: Send + Sync> FromRequestParts<S> for FieldName {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) if name.len() <= 64 && name.bytes().all(legal) => Ok(Self(name)),
            _ => Err(Fault::request(StatusCode::BAD_REQUEST, "a field name is 1 to 64 bytes of [A-Za-z0-9_.-]")),
        }
    }
}

/// The layer saves it before the response is sent.
pub(crate) async fn write(
    FieldName(name): FieldName,
    session: Session,
    JsonBody(value): JsonBody<Value>,
) -> Result<StatusCode, Error> {
    session.insert(&name, &value)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn remove(FieldName(name): FieldName, session: Session) -> Result<StatusCode, Error> {
    session.remove(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Done when it returns; increments of two servers add up.
pub(crate) async fn count(FieldName(name): FieldName, session: Session) -> Result<Json<Value>, Error> {
    Ok(Json(json!({ "value": session.increment(&name, 1).await? })))
}
