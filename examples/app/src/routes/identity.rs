//! Who the visitor is: log in, log out, rotate.

use axum::Json;
use axum::http::StatusCode;
use cloakroom::{EndOutcome, Error, Login, LoginOutcome, RotateOutcome, Session};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::JsonBody;
use super::fault::Fault;

/// The name of a user. A real application checks a password first.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) user: String,
}

/// The guest's cart becomes the user's.
pub(crate) async fn login(session: Session, JsonBody(named): JsonBody<Named>) -> Result<Json<Value>, Fault> {
    match session.login(Login::new(named.user).keep(["cart"])).await? {
        LoginOutcome::As(id) => Ok(Json(json!({ "id": id.to_string() }))),
        LoginOutcome::AtCap => Err(Fault::request(StatusCode::CONFLICT, "the user has as many sessions as allowed")),
        LoginOutcome::Gone(reason) => Err(Error::Gone(reason).into()),
        LoginOutcome::Conflict | LoginOutcome::TicketVoid => Err(Error::Conflict.into()),
    }
}

pub(crate) async fn logout(session: Session) -> Result<StatusCode, Error> {
    match session.logout().await? {
        EndOutcome::Ended | EndOutcome::AlreadyEnded(_) | EndOutcome::NoSession => Ok(StatusCode::NO_CONTENT),
        EndOutcome::Superseded => Err(Error::Conflict),
    }
}

pub(crate) async fn logout_everywhere(session: Session) -> Result<Json<Value>, Error> {
    Ok(Json(json!({ "revoked": session.logout_everywhere().await?.ended })))
}

pub(crate) async fn rotate(session: Session) -> Result<Json<Value>, Error> {
    match session.rotate().await? {
        RotateOutcome::Rotated | RotateOutcome::AlreadyRotated | RotateOutcome::NoSession => {
            Ok(Json(json!({ "id": session.id().map(|id| id.to_string()) })))
        }
        RotateOutcome::Conflict => Err(Error::Conflict),
        RotateOutcome::Gone(reason) => Err(Error::Gone(reason)),
    }
}
