//! The two handlers on ruts, with the session as one field of its hash: of the two layouts at the store level, the one
//! that slides as a whole at a write too.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use futures_util::future::try_join;
use ruts::{CookieOptions, SessionLayer};
use tower_cookies::CookieManagerLayer;

use super::FILLED;
use crate::Failure;
use crate::fixture::SMALL;
use crate::store::ruts::{LIFE_S, Store, in_30_minutes};

type Session = ruts::Session<Store>;
type Map = HashMap<String, String>;

const FIELD: &str = "app";

pub async fn router(redis: &str) -> Result<Router, Failure> {
    let cookie = CookieOptions::build().name("session").http_only(true).secure(true).path("/").max_age(LIFE_S.into());
    let layer = SessionLayer::new(Arc::new(crate::store::ruts::store(redis).await?)).with_cookie_options(cookie);
    let router = Router::new().route("/read", get(read)).route("/write", get(write));
    Ok(router.layer(layer).layer(CookieManagerLayer::new()))
}

/// The expiry of the cookie slides as well, which its guide leaves to the handler.
async fn read(session: Session) -> Result<String, StatusCode> {
    let read = async {
        session.set_expiration(LIFE_S.into());
        let slide = session.expire_field(FIELD, in_30_minutes()?);
        let (map, found) = try_join(session.get::<Map>(FIELD), slide).await?;
        let value = map.and_then(|mut map| map.remove("field0"));
        Ok::<_, Failure>(value.filter(|_| found).unwrap_or_default())
    };
    read.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn write(session: Session) -> Result<&'static str, StatusCode> {
    let write = async {
        session.set_expiration(LIFE_S.into());
        let stored = session.get::<Map>(FIELD).await?;
        let answer = if stored.is_none() { FILLED } else { "" };
        let mut map = stored.unwrap_or_else(|| SMALL.content().collect());
        map.insert("field0".into(), SMALL.value(fastrand::usize(..)));
        session.set(FIELD, &map, in_30_minutes()?, None).await?;
        Ok::<_, Failure>(answer)
    };
    write.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
