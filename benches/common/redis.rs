//! A private Redis of the bench, and the control: bare `GET`s on it.

use std::sync::Arc;

use cloakroom::{Builder, Sessions};
use redis::aio::MultiplexedConnection;

use super::Failure;
use super::rounds::Rounds;
use super::server::Server;

/// Connections of the control and of the sessions: the crate's default.
pub(crate) const CONNECTIONS: usize = 2;
/// The same in words.
pub(crate) const PLACE: &str = "2 connections over a Unix socket";
/// Sessions, and strings of the control, that the operations cycle through.
pub(crate) const STORED: usize = 1_000;

/// A private server, ended when this is dropped.
pub(crate) struct Redis {
    pub(crate) server: Server,
    plain: Vec<MultiplexedConnection>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let server = Server::start(&[]);
        let mut plain = Vec::new();
        for _ in 0..CONNECTIONS {
            plain.push(server.connection().await);
        }
        Self { server, plain }
    }

    pub(crate) async fn sessions(
        &self,
        namespace: &str,
        settings: impl FnOnce(Builder) -> Builder,
    ) -> Result<Sessions, Failure> {
        let builder = Sessions::builder(self.server.url()).namespace(namespace).connections(CONNECTIONS);
        Ok(settings(builder).connect().await?)
    }

    pub(crate) fn plain(&self) -> MultiplexedConnection {
        self.plain[0].clone()
    }

    /// Strings with as many bytes as a session of this namespace, to be read by bare `GET`s.
    pub(crate) async fn control(&self, namespace: &str) -> Result<Arc<Control>, Failure> {
        self.control_of(namespace, STORED).await
    }

    /// n of them.
    pub(crate) async fn control_of(&self, namespace: &str, stored: usize) -> Result<Arc<Control>, Failure> {
        let bytes = self.bytes_of_a_session(namespace).await?;
        let value = vec![b'x'; bytes];
        for begun in (0..stored).step_by(STORED) {
            let mut sets = redis::pipe();
            for number in begun..stored.min(begun + STORED) {
                sets.cmd("SET").arg(format!("control:{bytes}:{number}")).arg(&value).ignore();
            }
            sets.exec_async(&mut self.plain()).await?;
        }
        Ok(Arc::new(Control { plain: self.plain.clone(), bytes, stored }))
    }

    /// The bytes of the fields of a stored session and its metadata, measured on one of them.
    async fn bytes_of_a_session(&self, namespace: &str) -> Result<usize, Failure> {
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{namespace}:*:s:*")).arg("COUNT").arg(10_000);
            let (next, keys): (u64, Vec<String>) = scan.query_async(&mut self.plain()).await?;
            if let Some(key) = keys.first() {
                let all: Vec<Vec<u8>> = redis::cmd("HGETALL").arg(key).query_async(&mut self.plain()).await?;
                return Ok(all.iter().map(Vec::len).sum());
            }
            cursor = next;
            if cursor == 0 {
                return Err("no session is stored".into());
            }
        }
    }
}

/// Bare commands on strings of one size.
pub(crate) struct Control {
    plain: Vec<MultiplexedConnection>,
    pub(crate) bytes: usize,
    stored: usize,
}

impl Control {
    /// Adds its bare `GET`s as a row.
    pub(crate) fn row(self: &Arc<Self>, rounds: &mut Rounds<'_>) {
        rounds.row(format!("control: GET of {} B, the redis crate", self.bytes), self, |control, number| async move {
            std::hint::black_box(control.get(number).await?);
            Ok(())
        });
    }

    pub(crate) async fn get(&self, number: usize) -> Result<Vec<u8>, Failure> {
        let mut get = redis::cmd("GET");
        get.arg(format!("control:{}:{}", self.bytes, number % self.stored));
        Ok(get.query_async(&mut self.plain[number % CONNECTIONS].clone()).await?)
    }

    /// Writes back what was read, as a store without fields saves a session.
    pub(crate) async fn set(&self, number: usize, bytes: Vec<u8>) -> Result<(), Failure> {
        let mut set = redis::cmd("SET");
        set.arg(format!("control:{}:{}", self.bytes, number % self.stored)).arg(bytes);
        Ok(set.exec_async(&mut self.plain[number % CONNECTIONS].clone()).await?)
    }
}
