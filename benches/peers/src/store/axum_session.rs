//! axum_session over its Redis pool, without the copies of sessions that it keeps in memory by default.
//!
//! With them a node goes on serving a session that was logged out on another, so their lifetime is zero, as its
//! documentation offers. Every request then loads the session and stores it again, also one that only reads, so expiry
//! slides. These are the middleware's calls to its `DatabasePool`, on the same JSON (its type is private):
//! - a request: `GET`; `MULTI`, `SET`, `EXPIREAT`, `EXEC`
//! - a login: for the guest `EXISTS` and the four; then, with `renew`, `GET`, `EXISTS`, `DEL` and the four
//!
//! Before each of those calls the pool sends `UNWATCH` and `PING` and waits for the reply.

use std::collections::HashMap;

use axum_session::DatabasePool;
use axum_session_redispool::SessionRedisPool;
use redis_pool::RedisPool;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::large_value;
use crate::Failure;
use crate::fixture::{LARGE, SMALL, STORED, Shape};
use crate::server::Server;

/// The number that the pool keeps by default, and no more, or it opens and closes one for each call beyond. Between 4 and
/// 64 the number makes no difference here.
const CONNECTIONS: usize = 16;
/// The default.
const TABLE: &str = "sessions";

pub struct AxumSession {
    pool: SessionRedisPool,
    small: Vec<String>,
    large: Vec<String>,
}

pub fn pool(url: &str) -> Result<SessionRedisPool, Failure> {
    Ok(RedisPool::new(redis::Client::open(url)?, CONNECTIONS, Some(CONNECTIONS)).into())
}

impl AxumSession {
    pub async fn new(server: &Server) -> Result<Self, Failure> {
        let mut this = Self { pool: pool(&server.url)?, small: Vec::new(), large: Vec::new() };
        (this.small, this.large) = (this.fill(SMALL).await?, this.fill(LARGE).await?);
        this.save(0).await?;
        let (name, value) = large_value(0);
        let stored = this.load(&this.large[0]).await?.get(&name)?;
        if stored == value { Ok(this) } else { Err("axum_session does not store what is written".into()) }
    }

    pub async fn sliding(&self, number: usize) -> Result<(), Failure> {
        let id = &self.small[number % STORED];
        let data = self.load(id).await?;
        data.get("field0")?;
        self.store(id, &data).await
    }

    pub async fn save(&self, number: usize) -> Result<(), Failure> {
        let id = &self.large[number % STORED];
        let mut data = self.load(id).await?;
        let (name, value) = large_value(number);
        data.set(name, &value)?;
        self.store(id, &data).await
    }

    /// Makes a guest, and `renew`s at the login.
    pub async fn login(&self, number: usize) -> Result<(), Failure> {
        let guest = self.create(&Data::new(SMALL)?).await?;
        let mut data = self.load(&guest).await?;
        data.set("user".into(), &format!("user{number}"))?;
        let user = self.new_id().await?;
        self.pool.delete_one_by_id(&guest, TABLE).await?;
        self.store(&user, &data).await
    }

    async fn fill(&self, shape: Shape) -> Result<Vec<String>, Failure> {
        let mut ids = Vec::new();
        for _ in 0..STORED {
            ids.push(self.create(&Data::new(shape)?).await?);
        }
        Ok(ids)
    }

    async fn create(&self, data: &Data) -> Result<String, Failure> {
        let id = self.new_id().await?;
        self.store(&id, data).await?;
        Ok(id)
    }

    async fn new_id(&self) -> Result<String, Failure> {
        let id = uuid::Uuid::new_v4().to_string();
        if self.pool.exists(&id, TABLE).await? { Err("an id twice".into()) } else { Ok(id) }
    }

    async fn load(&self, id: &str) -> Result<Data, Failure> {
        let stored = self.pool.load(id, TABLE).await?.ok_or("a session")?;
        Ok(serde_json::from_str(&stored)?)
    }

    async fn store(&self, id: &str, data: &Data) -> Result<(), Failure> {
        let expires = OffsetDateTime::now_utc() + Duration::minutes(30);
        let data = serde_json::to_string(data)?;
        Ok(self.pool.store(id, &data, expires.unix_timestamp(), TABLE).await?)
    }
}

/// Values are JSON in JSON.
#[derive(Deserialize, Serialize)]
struct Data {
    data: HashMap<String, String>,
    longterm: bool,
}

impl Data {
    fn new(shape: Shape) -> Result<Self, Failure> {
        let mut new = Self { data: HashMap::new(), longterm: false };
        shape.content().try_for_each(|(name, value)| new.set(name, &value))?;
        Ok(new)
    }

    fn get(&self, name: &str) -> Result<String, Failure> {
        Ok(serde_json::from_str(self.data.get(name).ok_or("no such field")?)?)
    }

    fn set(&mut self, name: String, value: &str) -> Result<(), Failure> {
        self.data.insert(name, serde_json::to_string(value)?);
        Ok(())
    }
}
