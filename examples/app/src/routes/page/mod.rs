//! The page for people, rendered here: no framework, no build step, and it works without scripts.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use cloakroom::{Error, Session, Sessions};

mod agent;
mod answer;
mod cart;
mod forms;
mod notice;
mod ours;
mod text;
mod view;

use answer::{Page, Trouble};
use notice::Notice;

/// The page, its forms, and the two files that it loads.
pub(super) fn routes() -> Router<Sessions> {
    Router::new()
        .route("/", get(show))
        .route("/page.css", get(|| asset("text/css", include_str!("page.css"))))
        .route("/page.js", get(|| asset("text/javascript", include_str!("page.js"))))
        .route("/sign-in", post(forms::sign_in))
        .route("/sign-out", post(forms::sign_out))
        .route("/cart/add", post(forms::add))
        .route("/cart/remove", post(forms::remove))
        .route("/devices/end", post(forms::end_device))
        .route("/devices/end-others", post(forms::end_others))
        .route("/devices/end-all", post(forms::end_all))
}

/// Only reads: a visitor who does nothing else gets no session and no cookie.
async fn show(session: Result<Session, Error>, RawQuery(query): RawQuery) -> Result<Page, Trouble> {
    let session = session?;
    let notice = query.as_deref().and_then(|query| Notice::done(query, &session));
    Page::of(&session, notice).await
}

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], text)
}
