//! The wire against real, private servers that are restarted, stopped, cut off and locked.
#![allow(clippy::unwrap_used, reason = "tests")]

pub(in crate::store::redis) mod cluster;
#[cfg(feature = "tls")]
mod encrypted;
mod gate;
pub(in crate::store::redis) mod group;
mod growth;
mod logins;
mod moves;
mod outages;
mod pipe;
mod proxy;
mod runtimes;
mod scripts;
pub(in crate::store::redis) mod server;
mod shards;
mod shared;
mod switches;
mod waits;

use std::time::Duration;

use redis::Value;

use self::server::TestServer;
use super::{Path, Wire};
use crate::config::Pools;
use crate::config::url::StoreUrl;
use crate::error::Error;

fn wire_to(url: &str, budget: Duration) -> Wire {
    let StoreUrl::Redis(servers) = StoreUrl::parse(url).unwrap() else { panic!("{url} is no Redis URL") };
    Wire::new(&servers, &Pools { connections: 2, bulk_connections: 2, in_flight: 1_000, budget }).unwrap()
}

fn wire(server: &TestServer) -> Wire {
    wire_to(&server.url(), Duration::from_secs(3))
}

async fn get(wire: &Wire, path: Path, key: &str) -> Result<Value, Error> {
    wire.read_one(path, &wire.budget(), key.as_bytes(), redis::cmd("GET").arg(key)).await
}

const PATHS: [Path; 2] = [Path::Request, Path::Bulk];
