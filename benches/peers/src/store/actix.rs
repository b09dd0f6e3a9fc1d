//! actix-session's Redis store, over a `ConnectionManager` or deadpool.

use std::collections::HashMap;

use actix_session::storage::{RedisSessionStore, SessionKey, SessionStore};
use deadpool_redis_022::{Config, Runtime};
use time::Duration;

use super::large_value;
use crate::Failure;
use crate::fixture::{LARGE, SMALL, STORED, Shape};
use crate::server::Server;

const LIFE: Duration = Duration::minutes(30);

pub struct Actix {
    store: RedisSessionStore,
    small: Vec<String>,
    large: Vec<String>,
}

pub async fn with_manager(url: &str) -> Result<RedisSessionStore, Failure> {
    Ok(RedisSessionStore::new(url).await?)
}

impl Actix {
    pub async fn with_manager(server: &Server) -> Result<Self, Failure> {
        Self::new(with_manager(&server.url).await?).await
    }

    pub async fn with_pool(server: &Server) -> Result<Self, Failure> {
        let pool = Config::from_url(&server.url).create_pool(Some(Runtime::Tokio1))?;
        Self::new(RedisSessionStore::new_pooled(pool).await?).await
    }

    async fn new(store: RedisSessionStore) -> Result<Self, Failure> {
        let (small, large) = (fill(&store, SMALL).await?, fill(&store, LARGE).await?);
        Ok(Self { store, small, large })
    }

    pub async fn sliding(&self, number: usize) -> Result<(), Failure> {
        let key = SessionKey::try_from(self.small[number % STORED].clone())?;
        let state = self.store.load(&key).await?.ok_or("a state")?;
        state.get("field0").ok_or("no such field")?;
        Ok(self.store.update_ttl(&key, &LIFE).await?)
    }

    pub async fn save(&self, number: usize) -> Result<(), Failure> {
        let key = SessionKey::try_from(self.large[number % STORED].clone())?;
        let mut state = self.store.load(&key).await?.ok_or("a state")?;
        let (name, value) = large_value(number);
        state.insert(name, value);
        self.store.update(key, state, &LIFE).await?;
        Ok(())
    }

    /// Makes a guest, and `renew`s at the login.
    pub async fn login(&self, number: usize) -> Result<(), Failure> {
        let key = self.store.save(content(SMALL), &LIFE).await?;
        let mut state = self.store.load(&key).await?.ok_or("a state")?;
        self.store.delete(&key).await?;
        state.insert("user".into(), format!("user{number}"));
        self.store.save(state, &LIFE).await?;
        Ok(())
    }
}

async fn fill(store: &RedisSessionStore, shape: Shape) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    for _ in 0..STORED {
        keys.push(store.save(content(shape), &LIFE).await?.as_ref().to_owned());
    }
    Ok(keys)
}

fn content(shape: Shape) -> HashMap<String, String> {
    shape.content().collect()
}
