//! The session as one field, a map, which slides with a single command. The commands of a request:
//! - read: `HGET` and an `EVALSHA` of `HEXPIRE`, sent at once
//! - write: `HGET`, then an `EVALSHA` of `HSET` and `HEXPIRE`
//! - login: such an `EVALSHA` for the guest; `HGET`, then one of `RENAME`, `HSET` and `HEXPIRE` with
//!   `prepare_regenerate`

use std::collections::HashMap;

use futures_util::future::try_join;
use ruts::Id;
use ruts::store::SessionStore;

use super::{Store, in_30_minutes};
use crate::Failure;
use crate::fixture::{LARGE, SMALL, STORED, Shape};
use crate::server::Server;
use crate::store::large_value;

const FIELD: &str = "app";

pub struct Whole {
    store: Store,
    small: Vec<Id>,
    large: Vec<Id>,
}

impl Whole {
    pub async fn new(server: &Server) -> Result<Self, Failure> {
        let mut this = Self { store: super::store(&server.url).await?, small: Vec::new(), large: Vec::new() };
        (this.small, this.large) = (this.fill(SMALL).await?, this.fill(LARGE).await?);
        this.save(0).await?;
        let (name, value) = large_value(0);
        let stored = this.load(&this.large[0]).await?.remove(&name);
        if stored == Some(value) { Ok(this) } else { Err("ruts does not store what is written".into()) }
    }

    pub async fn sliding(&self, number: usize) -> Result<(), Failure> {
        let id = &self.small[number % STORED];
        let slide = async { Ok(self.store.expire_field(id, FIELD, in_30_minutes()?).await?) };
        let (map, found) = try_join(self.load(id), slide).await?;
        (found && map.contains_key("field0")).then_some(()).ok_or_else(|| "no such field".into())
    }

    pub async fn save(&self, number: usize) -> Result<(), Failure> {
        let id = &self.large[number % STORED];
        let mut map = self.load(id).await?;
        let (name, value) = large_value(number);
        map.insert(name, value);
        Ok(self.store.set(id, FIELD, &map, in_30_minutes()?, None).await?)
    }

    pub async fn login(&self, number: usize) -> Result<(), Failure> {
        let (guest, user) = (self.create(SMALL).await?, Id::default());
        let mut map = self.load(&guest).await?;
        map.insert("user".into(), format!("user{number}"));
        Ok(self.store.set_and_rename(&guest, &user, FIELD, &map, in_30_minutes()?, None).await?)
    }

    async fn load(&self, id: &Id) -> Result<HashMap<String, String>, Failure> {
        Ok(self.store.get(id, FIELD).await?.ok_or("no such session")?)
    }

    async fn fill(&self, shape: Shape) -> Result<Vec<Id>, Failure> {
        let mut ids = Vec::new();
        for _ in 0..STORED {
            ids.push(self.create(shape).await?);
        }
        Ok(ids)
    }

    async fn create(&self, shape: Shape) -> Result<Id, Failure> {
        let (id, map) = (Id::default(), shape.content().collect::<HashMap<_, _>>());
        self.store.set(&id, FIELD, &map, in_30_minutes()?, None).await?;
        Ok(id)
    }
}
