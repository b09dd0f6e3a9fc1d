//! The Redis that all share.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::Failure;
use crate::plan::Plan;
use crate::work;

/// A private `redis-server` on loopback TCP; ends when this is dropped.
pub struct Server {
    pub url: String,
    /// Redis 7.4 and Valkey 9 have `HEXPIRE`.
    pub expires_fields: bool,
    process: Child,
}

impl Server {
    pub async fn start(plan: &Plan) -> Result<Self, Failure> {
        let program = &plan.server;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--hash-max-listpack-value", &plan.listpack.to_string()])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}; install Debian's redis-server", program.display()))?;
        let mut server = Self { url: format!("redis://127.0.0.1:{port}"), expires_fields: false, process: child };
        for _ in 0..500 {
            if let Ok(mut connection) = server.connection().await {
                let found: Vec<redis::Value> =
                    redis::cmd("COMMAND").arg("INFO").arg("HEXPIRE").query_async(&mut connection).await?;
                server.expires_fields = found.iter().any(|command| *command != redis::Value::Nil);
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("{} did not come up within 5 s", program.display()).into())
    }

    pub async fn connection(&self) -> Result<redis::aio::MultiplexedConnection, Failure> {
        Ok(redis::Client::open(self.url.as_str())?.get_multiplexed_async_connection().await?)
    }

    /// The CPU time that it has used, in µs.
    pub fn used(&self) -> f64 {
        self.process.id().map_or(f64::NAN, work::used)
    }

    /// Valkey also reports the Redis version that it is compatible with.
    pub async fn version(&self) -> Result<String, Failure> {
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut self.connection().await?).await?;
        let find = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("_version:"));
        Ok(match (find("valkey"), find("redis")) {
            (Some(version), _) => format!("Valkey {version}"),
            (None, version) => format!("Redis {}", version.unwrap_or("of an unknown version")),
        })
    }
}
