//! The test program: one binary, so that everything is built once and servers are shared.

mod acl;
#[allow(clippy::future_not_send)] // a worker of actix-web is one thread
mod actix;
mod axum;
mod bulk;
mod cancel;
mod chaos;
mod cluster;
mod common;
#[allow(clippy::future_not_send)] // a worker of actix-web is one thread
mod connections;
#[allow(clippy::future_not_send)] // a worker of actix-web is one thread
mod disconnects;
mod docs;
mod ends;
mod frameworks;
mod grace;
mod histories;
mod load_test;
mod lua_contract;
mod maxmemory;
mod outages;
mod page;
mod peers;
mod races;
mod repeats;
mod reshard;
mod runtimes;
mod secrets;
mod sentinel;
mod swaps;
mod tls;

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

/// The log of outages in axum.
#[path = "incidents"]
mod incidents_in_axum {
    pub(crate) use crate::frameworks::axum as framework;

    #[path = "mod.rs"]
    mod cases;
}

/// The log of outages in actix-web.
#[path = "incidents"]
#[allow(clippy::duplicate_mod, clippy::future_not_send)] // the same cases, once per framework
mod incidents_in_actix {
    pub(crate) use crate::frameworks::actix as framework;

    #[path = "mod.rs"]
    mod cases;
}

/// The drop-in stores on the embedded store.
#[path = "compat"]
mod compat_on_memory {
    pub(crate) use crate::common::memory_stage as stage;

    #[path = "mod.rs"]
    mod cases;
}

/// The drop-in stores on a real Redis.
#[path = "compat"]
#[allow(clippy::duplicate_mod)] // the same cases, once per store
mod compat_on_redis {
    pub(crate) use crate::common::redis_stage as stage;

    #[path = "mod.rs"]
    mod cases;
}

/// The calls that the drop-in stores send to a real Redis.
#[path = "compat/trips.rs"]
mod drop_in_trips;

/// The cases about logins, on a real Redis whose buckets are treated as being on different servers.
#[path = "conformance"]
#[allow(clippy::duplicate_mod)] // the same cases, once per store
mod redis_store_by_steps {
    mod cap;
    mod hangup;
    mod join;
    mod login;
    mod logout;
    mod ticket;
    mod user;

    use cloakroom::{AsCluster, Builder};

    use crate::common::{Stage, redis_stage};

    pub(crate) async fn stage(settings: impl FnOnce(Builder) -> Builder) -> Stage {
        redis_stage(|with| settings(with).across_slots()).await
    }
}

/// The cases about ends, on a real Redis whose slots are treated as moving.
#[path = "conformance"]
#[allow(clippy::duplicate_mod)] // the same cases, once per store
mod redis_store_torn {
    mod logout;
    mod revoke;
    mod user;

    use cloakroom::{AsCluster, Builder};

    use crate::common::{Stage, redis_stage};

    pub(crate) async fn stage(settings: impl FnOnce(Builder) -> Builder) -> Stage {
        redis_stage(|with| settings(with).while_resharding()).await
    }
}
