//! Shared by the benches: a private Redis, rounds, and a table.
#![allow(dead_code)] // each bench is a program of its own and uses a part

pub(crate) mod fill;
pub(crate) mod info;
pub(crate) mod plan;
pub(crate) mod redis;
pub(crate) mod rounds;

#[path = "../../tests/common/cluster.rs"]
#[allow(unreachable_pub)]
pub(crate) mod cluster;
#[path = "../../tests/common/server.rs"]
#[allow(unreachable_pub)]
pub(crate) mod server;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
