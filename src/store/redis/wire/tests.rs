//! The wire against real, private servers that are restarted, stopped, cut off and locked.
#![allow(clippy::unwrap_used, reason = "tests")]

mod logins;
mod outages;
mod proxy;
mod scripts;
pub(in crate::store::redis) mod server;

use std::time::Duration;

use redis::Value;

use self::server::TestServer;
use super::{Path, Wire};
use crate::config::Pools;
use crate::config::url::StoreUrl;
use crate::error::Error;

fn wire_to(url: &str, budget: Duration) -> Wire {
    let StoreUrl::Redis(server) = StoreUrl::parse(url).unwrap() else { panic!("{url} is no Redis URL") };
    Wire::new(&server, &Pools { connections: 2, bulk_connections: 2, budget }).unwrap()
}

fn wire(server: &TestServer) -> Wire {
    wire_to(&server.url(), Duration::from_secs(3))
}

async fn get(wire: &Wire, path: Path, key: &str) -> Result<Value, Error> {
    wire.read_one(path, &wire.budget(), redis::cmd("GET").arg(key)).await
}

const PATHS: [Path; 2] = [Path::Request, Path::Bulk];
