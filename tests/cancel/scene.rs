//! The setup of a call that is dropped.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::{Builder, ClientInfo, Error, Session, Sessions};

use super::look::Look;
use super::operations::{self, ALL_BUCKETS, OLDER_LOGIN};
use crate::common::proxy::Proxy;
use crate::common::server::Server;
use crate::common::{Stage, connected, memory_stage, redis_stage_on, token, until};

/// The store, and how the calls under test reach it.
pub(super) enum Back {
    Memory,
    Redis {
        server: Arc<Server>,
        proxy: Proxy,
        /// In each direction.
        delay: Duration,
        /// Whether there is neither a connection nor a known script when the call begins.
        cold: bool,
    },
}

impl Back {
    pub(super) async fn redis(server: Arc<Server>, delay: Duration) -> Self {
        let proxy = Proxy::new(&server).await;
        Self::Redis { server, proxy, delay, cold: false }
    }

    pub(super) fn cold(mut self) -> Self {
        if let Self::Redis { cold, .. } = &mut self {
            *cold = true;
        }
        self
    }
}

pub(super) struct Scene {
    /// Reads the store as it is, without the slow network.
    pub(super) stage: Stage,
    builder: Builder,
    /// The store whose calls are dropped.
    pub(super) sessions: Sessions,
    /// Opened on that store.
    pub(super) session: Session,
    /// The token that its client had before the call, if any.
    pub(super) old: Option<String>,
    /// Another session of the user `ada`.
    pub(super) other: Session,
}

fn settings(with: Builder) -> Builder {
    with.connections(1).bulk_connections(1).budget(Duration::from_secs(30))
}

impl Scene {
    /// Prepares everything up to the call.
    pub(super) async fn new(back: &Back, operation: &str) -> Self {
        let stage = match back {
            Back::Memory => memory_stage(settings).await,
            Back::Redis { server, .. } => redis_stage_on(Arc::clone(server), settings).await,
        };
        let builder = match back {
            Back::Memory => Sessions::builder("memory:").namespace(&stage.namespace),
            Back::Redis { proxy, .. } => {
                proxy.delay(Duration::ZERO);
                Sessions::builder(proxy.url()).namespace(&stage.namespace)
            }
        };
        let builder = settings(builder);
        let sessions = match back {
            Back::Memory => stage.sessions.clone(),
            Back::Redis { .. } => connected(builder.clone()).await,
        };
        let (other, _) = stage.user("ada").await;
        let old = operations::prepare(operation, &stage).await;
        let session = sessions.peek(old.as_deref(), ClientInfo::new()).await.expect("the store is there");
        let old = match old {
            Some(old) if operation.ends_with(OLDER_LOGIN) => {
                let fresh = stage.open(&old).await;
                crate::common::login(&fresh, "ada").await;
                Some(token(&fresh))
            }
            old => old,
        };
        let scene = Self { stage, builder, sessions, session, old, other };
        back.slow_down(operation);
        scene
    }

    /// Makes the call.
    pub(super) async fn call(&self, operation: &str) -> Result<(), Error> {
        operations::call(operation, self).await
    }

    /// One more app server.
    pub(super) async fn connect(&self) -> Sessions {
        connected(self.builder.clone()).await
    }

    pub(super) async fn look(&self) -> Look {
        Look::at(self).await
    }

    /// What is stored once nothing is in flight.
    pub(super) async fn settled(&self) -> Look {
        // On one connection this comes after whatever the dropped call sent. One ping may be too short for a connection
        // that is still being made.
        until("the connection goes on", || async { self.sessions.ping().await.is_ok() }).await;
        loop {
            let look = self.look().await;
            if look == self.look().await {
                return look;
            }
        }
    }

    /// Checks that the handle is not stuck and that the same call can be made again.
    pub(super) async fn goes_on(&self, operation: &str) {
        for _ in 0..if operation.contains(ALL_BUCKETS) { 0 } else { 2 } {
            let again = self.call(operation).await;
            let fine = matches!(again, Ok(()) | Err(Error::Gone(_) | Error::Conflict));
            assert!(fine, "{operation}, made again: {again:?}");
        }
        let fresh = self.sessions.open(None, ClientInfo::new()).await.expect("the connection goes on");
        crate::common::login(&fresh, "eve").await;
        assert_eq!(self.stage.open(&token(&fresh)).await.user().as_deref(), Some("eve"));
        Look::at(self).await;
    }
}

impl Back {
    /// From here on the network is slow; with calls to every bucket that would take minutes.
    fn slow_down(&self, operation: &str) {
        let Self::Redis { server, proxy, delay, cold } = self else { return };
        if !operation.contains(ALL_BUCKETS) {
            proxy.delay(*delay);
        }
        if *cold {
            server.ask::<()>(&["SCRIPT", "FLUSH"]);
            proxy.cut();
        }
    }
}
