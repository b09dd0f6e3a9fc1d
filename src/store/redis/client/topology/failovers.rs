//! Events that may have lost acknowledged writes: a failover, a restart.

use std::sync::{Arc, Mutex, PoisonError};

use redis::{Value, from_redis_value};
use tokio::sync::watch;

use crate::store::redis::client::node::transport::Connection;

/// A counter of the events that this process saw; clones share the count.
#[derive(Clone)]
pub(crate) struct Failovers(Arc<watch::Sender<u64>>);

impl Failovers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(crate) fn seen(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// The server behind an address, to detect another one there.
#[derive(Clone)]
pub(crate) struct Identity {
    known: Arc<Mutex<Option<String>>>,
    failovers: Failovers,
}

impl Identity {
    pub(crate) fn new(failovers: &Failovers) -> Self {
        Self { known: Arc::default(), failovers: failovers.clone() }
    }

    /// Compares the run id and the replication history of the server with those of the last connection. Returns
    /// whether the server is a replica, if it says so.
    ///
    /// A connection is opened also if the user may not ask, or a proxy does not say.
    pub(crate) async fn look(&self, connection: &mut Connection) -> Option<bool> {
        let mut command = redis::cmd("INFO");
        command.arg("server").arg("replication");
        let answer = connection.send_packed_command(&command).await.and_then(Value::extract_error).ok()?;
        let info = from_redis_value::<String>(answer).ok()?;
        let now: String =
            info.lines().filter(|line| line.starts_with("run_id:") || line.starts_with("master_replid:")).collect();
        if !now.is_empty() {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).replace(now.clone());
            if known.is_some_and(|known| known != now) {
                self.failovers.seen();
            }
        }
        info.lines().find_map(|line| line.strip_prefix("role:")).map(|role| role.trim() == "slave")
    }
}
