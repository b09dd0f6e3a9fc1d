//! The axum apps: the same two handlers on Cloakroom, on tower-sessions, and in files of their own.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use time::Duration;
use tower_sessions::{Expiry, SessionManagerLayer};

use super::FILLED;
use crate::Failure;
use crate::fixture::SMALL;

pub async fn serve(app: &str, redis: &str) -> Result<(), Failure> {
    let router = match app {
        "cloakroom" => cloakroom(redis).await?,
        "tower-sessions" => tower(redis).await?,
        "axum_session" => super::axum_session::router(redis).await?,
        "ruts" => super::ruts::router(redis).await?,
        other => return Err(format!("no app on {other}").into()),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, router).await?)
}

async fn cloakroom(redis: &str) -> Result<Router, Failure> {
    use cloakroom::{Error, Session, SessionLayer, Sessions};
    async fn read(session: Session) -> Result<String, Error> {
        session.get_or("field0", String::new())
    }
    async fn write(session: Session) -> Result<&'static str, Error> {
        let blank = session.id().is_none();
        if blank {
            for (name, value) in SMALL.content() {
                session.insert(&name, &value)?;
            }
        }
        session.insert("field0", &SMALL.value(fastrand::usize(..)))?;
        Ok(if blank { FILLED } else { "" })
    }
    let sessions = Sessions::builder(redis).namespace("web").connect().await?;
    let router = Router::new().route("/read", get(read)).route("/write", get(write));
    Ok(router.layer(SessionLayer::new(sessions)))
}

/// With expiry on inactivity, which slides at reads only if everything is saved always.
async fn tower(redis: &str) -> Result<Router, Failure> {
    use tower_sessions::Session;
    async fn read(session: Session) -> Result<String, StatusCode> {
        let value = session.get::<String>("field0").await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(value.unwrap_or_default())
    }
    async fn write(session: Session) -> Result<&'static str, StatusCode> {
        let fill = async {
            let blank = session.is_empty().await;
            if blank {
                for (name, value) in SMALL.content() {
                    session.insert(&name, value).await?;
                }
            }
            session.insert("field0", SMALL.value(fastrand::usize(..))).await?;
            Ok::<_, tower_sessions::session::Error>(if blank { FILLED } else { "" })
        };
        fill.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    }
    let layer = SessionManagerLayer::new(crate::store::tower::store(redis).await?)
        .with_always_save(true)
        .with_expiry(Expiry::OnInactivity(Duration::minutes(30)));
    let router = Router::new().route("/read", get(read)).route("/write", get(write));
    Ok(router.layer(layer))
}
