//! The Redis that all share.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::Failure;

/// A private `redis-server` on loopback TCP; dies with this.
pub struct Server {
    pub url: String,
    _child: Child,
}

impl Server {
    pub async fn start() -> Result<Self, Failure> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("redis-server: {error}; install Debian's redis-server"))?;
        let server = Self { url: format!("redis://127.0.0.1:{port}"), _child: child };
        for _ in 0..500 {
            if server.connection().await.is_ok() {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("redis-server did not come up within 5 s".into())
    }

    pub async fn connection(&self) -> Result<redis::aio::MultiplexedConnection, Failure> {
        Ok(redis::Client::open(self.url.as_str())?.get_multiplexed_async_connection().await?)
    }

    pub async fn version(&self) -> Result<String, Failure> {
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut self.connection().await?).await?;
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok(version.unwrap_or("unknown").to_owned())
    }
}
