//! The test program: one binary, so that everything is built once and servers are shared.

mod bulk;
mod common;
mod docs;
mod full;
mod grace;
mod histories;
mod load_test;
mod lua_contract;
mod outages;
mod races;
mod repeats;
mod secrets;
mod web;

/// The conformance suite on the embedded store.
#[path = "conformance"]
mod memory_store {
    pub(crate) use crate::common::memory_stage as stage;

    #[path = "mod.rs"]
    mod cases;
}

/// The conformance suite on a real Redis.
#[path = "conformance"]
#[allow(clippy::duplicate_mod)] // the same cases, once per store
mod redis_store {
    pub(crate) use crate::common::redis_stage as stage;

    #[path = "mod.rs"]
    mod cases;
}
