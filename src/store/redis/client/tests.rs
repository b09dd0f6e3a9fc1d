//! The client against real, private servers that are restarted, stopped, cut off and protected by passwords.
#![allow(clippy::unwrap_used, reason = "tests")]

/// The servers that the tests in `tests/` start too.
#[path = "../../../../tests/common"]
#[allow(dead_code, reason = "each side uses a part")]
pub(crate) mod common {
    pub(crate) mod cluster;
    pub(crate) mod sentinel;
    pub(crate) mod server;
}

pub(crate) mod cluster;
mod connection;
mod gate;
pub(crate) mod group;
mod growth;
mod logins;
mod moves;
mod node;
mod outages;
#[cfg(feature = "tls")]
mod records;
mod runtimes;
mod scripts;
pub(crate) mod server;
mod shards;
mod switches;
#[cfg(feature = "tls")]
mod tls;
mod waits;

use std::time::Duration;

use redis::Value;

use super::{Client, Path};
use crate::config::Pools;
use crate::config::url::StoreUrl;
use crate::error::Error;
use crate::store::redis::client::tests::common::server::Server;

fn wire_to(url: &str, budget: Duration) -> Client {
    let StoreUrl::Redis(servers) = StoreUrl::parse(url).unwrap() else { panic!("{url} is no Redis URL") };
    Client::new(&servers, &Pools { connections: 2, bulk_connections: 2, in_flight: 1_000, budget }).unwrap()
}

fn client(server: &Server) -> Client {
    wire_to(&server.url(), Duration::from_secs(3))
}

async fn get(client: &Client, path: Path, key: &str) -> Result<Value, Error> {
    Ok(client.read_one(path, &client.budget(), key.as_bytes(), redis::cmd("GET").arg(key)).await?)
}

const PATHS: [Path; 2] = [Path::Request, Path::Bulk];
