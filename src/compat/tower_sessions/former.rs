//! The application's former store, of either version.

use std::fmt::Debug;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::id::ForeignId;
use super::record::content;
use super::{State, Store};
use crate::compat::record::{Cause, Former, FormerRecord, RecordError};

/// Object-safe form of either version's store trait.
#[async_trait]
pub(super) trait FormerTowerStore: Debug + Send + Sync {
    async fn load(&self, id: ForeignId) -> Result<Option<(State, OffsetDateTime)>, Cause>;

    async fn delete(&self, id: ForeignId) -> Result<(), Cause>;
}

/// One record of the former store.
pub(super) struct TowerFormer<'a> {
    store: &'a Store,
    former: &'a dyn FormerTowerStore,
    id: ForeignId,
}

impl Store {
    /// The record of this id in the former store, if one is configured.
    pub(super) fn former(&self, id: ForeignId) -> Option<TowerFormer<'_>> {
        Some(TowerFormer { store: self, former: self.former.as_deref()?, id })
    }
}

impl FormerRecord for TowerFormer<'_> {
    async fn read(&self) -> Result<Option<Former>, RecordError> {
        let Some((state, expires)) = self.former.load(self.id).await.map_err(RecordError::Former)? else {
            return Ok(None);
        };
        let content = content(&state, expires)?;
        Ok(content.map(|content| Former { user: self.store.named(&state), content }))
    }

    async fn delete(&self) -> Result<(), RecordError> {
        self.former.delete(self.id).await.map_err(RecordError::Former)
    }
}

/// A store of one version. The versions differ only in the crate that defines the trait.
macro_rules! implement {
    ($wrapper:ident, $core:ident, $feature:literal) => {
        #[cfg(feature = $feature)]
        #[derive(Debug)]
        pub(super) struct $wrapper<S>(pub(super) S);

        #[cfg(feature = $feature)]
        #[async_trait]
        impl<S: $core::SessionStore> FormerTowerStore for $wrapper<S> {
            async fn load(&self, id: ForeignId) -> Result<Option<(State, OffsetDateTime)>, Cause> {
                let record = self.0.load(&$core::session::Id(id.0)).await?;
                Ok(record.map(|record| (record.data, record.expiry_date)))
            }

            async fn delete(&self, id: ForeignId) -> Result<(), Cause> {
                Ok(self.0.delete(&$core::session::Id(id.0)).await?)
            }
        }
    };
}

implement!(Line015, tower_sessions_core, "tower-sessions");
implement!(Line014, tower_sessions_core_014, "tower-sessions-014");
