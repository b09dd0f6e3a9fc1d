//! The two handlers on axum_session, configured as at the store level.
//!
//! A request that cannot be served from Redis is not refused by it but given a blank session, so the load checks the
//! response. The check on load is off: with copies whose lifetime is zero it empties a session, in Redis too, that two
//! requests use at once.

use axum::Router;
use axum::routing::get;
use axum_session::{SessionConfig, SessionLayer, SessionStore};
use axum_session_redispool::{SessionRedisPool, SessionRedisSession as Session};
use time::Duration;

use super::FILLED;
use crate::Failure;
use crate::fixture::SMALL;

pub async fn router(redis: &str) -> Result<Router, Failure> {
    let config = SessionConfig::default()
        .with_lifetime(Duration::minutes(30))
        .with_max_age(Some(Duration::minutes(30)))
        .with_memory_lifetime(Duration::ZERO)
        .with_clear_check_on_load(false);
    let pool = crate::store::axum_session::pool(redis)?;
    let store = SessionStore::<SessionRedisPool>::new(Some(pool), config).await?;
    let router = Router::new().route("/read", get(read)).route("/write", get(write));
    Ok(router.layer(SessionLayer::new(store)))
}

async fn read(session: Session) -> String {
    session.get("field0").unwrap_or_default()
}

async fn write(session: Session) -> &'static str {
    let blank = session.get::<String>("field0").is_none();
    if blank {
        for (name, value) in SMALL.content() {
            session.set(&name, value);
        }
    }
    session.set("field0", SMALL.value(fastrand::usize(..)));
    if blank { FILLED } else { "" }
}
