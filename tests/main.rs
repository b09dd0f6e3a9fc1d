//! The test program: one binary, so that everything is built once and servers are shared.

#[allow(clippy::future_not_send)] // a worker of actix-web is one thread
mod actix;
mod bulk;
mod common;
mod docs;
mod frameworks;
mod full;
mod grace;
mod histories;
mod lua_contract;
mod outages;
mod races;
mod repeats;
mod secrets;

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

/// The web suite in axum, on the embedded store.
#[path = "web"]
#[allow(clippy::duplicate_mod)] // the same cases, once per framework and store
mod axum_on_memory {
    pub(crate) use crate::common::memory_stage as stage;
    pub(crate) use crate::frameworks::axum as framework;

    #[path = "mod.rs"]
    mod cases;
}

/// The web suite in actix-web, on the embedded store.
#[path = "web"]
#[allow(clippy::duplicate_mod, clippy::future_not_send)] // the same cases, once per framework and store
mod actix_on_memory {
    pub(crate) use crate::common::memory_stage as stage;
    pub(crate) use crate::frameworks::actix as framework;

    #[path = "mod.rs"]
    mod cases;
}

/// The web suite in axum, on a real Redis.
#[path = "web"]
#[allow(clippy::duplicate_mod)] // the same cases, once per framework and store
mod axum_on_redis {
    pub(crate) use crate::common::redis_stage as stage;
    pub(crate) use crate::frameworks::axum as framework;

    #[path = "mod.rs"]
    mod cases;
}

/// The web suite in actix-web, on a real Redis.
#[path = "web"]
#[allow(clippy::duplicate_mod, clippy::future_not_send)] // the same cases, once per framework and store
mod actix_on_redis {
    pub(crate) use crate::common::redis_stage as stage;
    pub(crate) use crate::frameworks::actix as framework;

    #[path = "mod.rs"]
    mod cases;
}
