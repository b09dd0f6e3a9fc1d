//! Three servers in this process over the embedded store, for machines without `redis-server`.

use std::net::SocketAddr;
use std::time::Duration;

use cloakroom::{Sessions, Sweeper};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Failure;

/// Servers that end when this is dropped.
pub(crate) struct Embedded {
    _servers: JoinSet<()>,
    _sweeper: Sweeper,
}

impl Embedded {
    /// Starts n servers; returns their addresses too.
    pub(crate) async fn start(count: usize) -> Result<(Self, Vec<String>), Failure> {
        let grace = Duration::from_secs(60);
        let sessions = Sessions::builder("memory:").namespace("demo").expiry_grace(grace).connect().await?;
        let (mut servers, mut addresses) = (JoinSet::new(), Vec::new());
        for _ in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            addresses.push(format!("http://{}", listener.local_addr()?));
            let router = routes::router(sessions.clone()).into_make_service_with_connect_info::<SocketAddr>();
            servers.spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    eprintln!("demo: a server stopped: {error}");
                }
            });
        }
        let sweeper = sessions.spawn_sweeper(Duration::from_secs(10));
        Ok((Self { _servers: servers, _sweeper: sweeper }, addresses))
    }
}
