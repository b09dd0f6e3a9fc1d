//! ruts over fred: a hash per session, each of whose fields ends at a time of its own (`HEXPIRE`).

pub mod fields;
pub mod map;

use std::sync::Arc;

use fred::prelude::{ClientLike, Config, Pool};
use ruts::store::Ttl;
use ruts::store::redis::RedisStore;

use super::CONNECTIONS;
use crate::Failure;

pub const LIFE_S: u32 = 30 * 60;

pub type Store = RedisStore<Pool>;

pub async fn store(url: &str) -> Result<Store, Failure> {
    let pool = Pool::new(Config::from_url(url)?, None, None, None, CONNECTIONS)?;
    pool.init().await?;
    Ok(RedisStore::new(Arc::new(pool)).await?)
}

pub fn in_30_minutes() -> Result<Ttl, Failure> {
    Ok(Ttl::new(LIFE_S.into())?)
}
