//! tower-sessions-redis-store, over fred.

use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

use super::{CONNECTIONS, large_value};
use crate::Failure;
use crate::fixture::{LARGE, SMALL, STORED, Shape};
use crate::server::Server;

pub struct Tower {
    store: RedisStore<Pool>,
    small: Vec<Id>,
    large: Vec<Id>,
}

pub async fn store(url: &str) -> Result<RedisStore<Pool>, Failure> {
    let pool = Pool::new(Config::from_url(url)?, None, None, None, CONNECTIONS)?;
    pool.init().await?;
    Ok(RedisStore::new(pool))
}

impl Tower {
    pub async fn new(server: &Server) -> Result<Self, Failure> {
        let store = store(&server.url).await?;
        let (small, large) = (fill(&store, SMALL).await?, fill(&store, LARGE).await?);
        Ok(Self { store, small, large })
    }

    /// The calls of the middleware with `always_save`.
    pub async fn sliding(&self, number: usize) -> Result<(), Failure> {
        let mut record = self.store.load(&self.small[number % STORED]).await?.ok_or("a record")?;
        record.data.get("field0").and_then(|value| value.as_str()).ok_or("no such field")?;
        record.expiry_date = in_30_minutes();
        Ok(self.store.save(&record).await?)
    }

    pub async fn save(&self, number: usize) -> Result<(), Failure> {
        let mut record = self.store.load(&self.large[number % STORED]).await?.ok_or("a record")?;
        let (name, value) = large_value(number);
        record.data.insert(name, value.into());
        record.expiry_date = in_30_minutes();
        Ok(self.store.save(&record).await?)
    }

    /// Makes a guest, and calls `cycle_id` at the login.
    pub async fn login(&self, number: usize) -> Result<(), Failure> {
        let mut guest = record(SMALL);
        self.store.create(&mut guest).await?;
        let mut user = self.store.load(&guest.id).await?.ok_or("a record")?;
        self.store.delete(&guest.id).await?;
        user.id = Id::default();
        user.data.insert("user".into(), format!("user{number}").into());
        Ok(self.store.create(&mut user).await?)
    }
}

async fn fill(store: &RedisStore<Pool>, shape: Shape) -> Result<Vec<Id>, Failure> {
    let mut ids = Vec::new();
    for _ in 0..STORED {
        let mut record = record(shape);
        store.create(&mut record).await?;
        ids.push(record.id);
    }
    Ok(ids)
}

fn record(shape: Shape) -> Record {
    let data = shape.content().map(|(name, value)| (name, value.into())).collect();
    Record { id: Id::default(), data, expiry_date: in_30_minutes() }
}

fn in_30_minutes() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::minutes(30)
}
