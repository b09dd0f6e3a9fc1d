//! The routes, and the file of each. The demo serves the same ones without Redis.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use cloakroom::{CsrfLayer, MissingOrigin, SessionLayer, Sessions};

mod admin;
mod body;
mod devices;
mod fault;
mod fields;
mod health;
mod identity;
mod page;
mod session;
mod slow;

use fault::Fault;

/// Every route of the example, over these sessions.
pub fn router(sessions: Sessions) -> Router {
    // `Allow`, because programs such as curl send none of a browser's headers; the page's forms also carry a token.
    let csrf = CsrfLayer::new().missing_origin(MissingOrigin::Allow);
    Router::new()
        .route("/api/session", get(session::show))
        .route("/api/fields/{name}", put(fields::write).delete(fields::remove))
        .route("/api/counter/{name}", post(fields::count))
        .route("/api/login", post(identity::login))
        .route("/api/logout", post(identity::logout))
        .route("/api/logout-everywhere", post(identity::logout_everywhere))
        .route("/api/rotate", post(identity::rotate))
        .route("/api/sessions", get(devices::list).delete(devices::end_others))
        .route("/api/sessions/{id}", delete(devices::end))
        .route("/api/admin/revoke-user", post(admin::revoke_user))
        .route("/api/admin/revoke-guests", post(admin::revoke_guests))
        .route("/api/admin/revoke-all", post(admin::revoke_all))
        .route("/api/slow", post(slow::write))
        .route("/health", get(health::show))
        .merge(page::routes())
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(csrf)
        .layer(SessionLayer::new(sessions.clone()))
        .with_state(sessions)
}

async fn no_such_route() -> Fault {
    Fault::request(StatusCode::NOT_FOUND, "there is nothing here")
}

async fn no_such_method() -> Fault {
    Fault::request(StatusCode::METHOD_NOT_ALLOWED, "this is not done here")
}
