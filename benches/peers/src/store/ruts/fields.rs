//! One field of the hash per field of the session. The commands of a request, sent at once where there are several:
//! - read: `HGET`, and an `EVALSHA` of `HEXPIRE` for each field of the session, since all are to slide
//! - write: one `EVALSHA` of `HSET` and `HEXPIRE`; the other fields do not slide, and nothing is loaded
//! - login: such an `EVALSHA` for each field of the guest; one of `RENAME`, `HSET` and `HEXPIRE` with
//!   `prepare_regenerate`
//!
//! A write does not check whether the session exists: on an ended one it makes a new session with that field.

use futures_util::future::{try_join, try_join_all};
use ruts::Id;
use ruts::store::SessionStore;

use super::{Store, in_30_minutes};
use crate::Failure;
use crate::fixture::{LARGE, SMALL, STORED, Shape};
use crate::server::Server;
use crate::store::large_value;

pub struct Each {
    store: Store,
    small: Vec<Id>,
    large: Vec<Id>,
}

impl Each {
    pub async fn new(server: &Server) -> Result<Self, Failure> {
        let mut this = Self { store: super::store(&server.url).await?, small: Vec::new(), large: Vec::new() };
        (this.small, this.large) = (this.fill(SMALL).await?, this.fill(LARGE).await?);
        this.save(0).await?;
        let (name, value) = large_value(0);
        let stored: Option<String> = this.store.get(&this.large[0], &name).await?;
        if stored == Some(value) { Ok(this) } else { Err("ruts does not store what is written".into()) }
    }

    pub async fn sliding(&self, number: usize) -> Result<(), Failure> {
        let id = &self.small[number % STORED];
        let slide = |(name, _): (String, String)| async move {
            let found = self.store.expire_field(id, &name, in_30_minutes()?).await?;
            found.then_some(()).ok_or_else(|| Failure::from("no such field"))
        };
        let read = async { Ok(self.store.get::<String>(id, "field0").await?) };
        let (value, _) = try_join(read, try_join_all(SMALL.content().map(slide))).await?;
        value.map(drop).ok_or_else(|| "no such field".into())
    }

    pub async fn save(&self, number: usize) -> Result<(), Failure> {
        let (name, value) = large_value(number);
        let id = &self.large[number % STORED];
        Ok(self.store.set(id, &name, &value, in_30_minutes()?, None).await?)
    }

    pub async fn login(&self, number: usize) -> Result<(), Failure> {
        let (guest, user) = (self.create(SMALL).await?, Id::default());
        let name = format!("user{number}");
        Ok(self.store.set_and_rename(&guest, &user, "user", &name, in_30_minutes()?, None).await?)
    }

    async fn fill(&self, shape: Shape) -> Result<Vec<Id>, Failure> {
        let mut ids = Vec::new();
        for _ in 0..STORED {
            ids.push(self.create(shape).await?);
        }
        Ok(ids)
    }

    async fn create(&self, shape: Shape) -> Result<Id, Failure> {
        let (id, life) = (Id::default(), in_30_minutes()?);
        let set = |(name, value): (String, String)| {
            let id = &id;
            async move { self.store.set(id, &name, &value, life, None).await }
        };
        try_join_all(shape.content().map(set)).await?;
        Ok(id)
    }
}
