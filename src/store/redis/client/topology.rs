//! The servers: a Cluster, a master behind Sentinels, failovers.

pub(crate) mod cluster;
pub(crate) mod failovers;
pub(crate) mod hash_slot;
pub(crate) mod replicated;
pub(crate) mod sentinel;
