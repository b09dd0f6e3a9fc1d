//! What can be set, once it has been checked, and what is wrong with what cannot.

pub(crate) mod binding;
pub(crate) mod limits;
pub(crate) mod network;
pub(crate) mod timeouts;

use std::fmt;
use std::time::Duration;

use crate::config::binding::ClientBinding;
use crate::config::limits::Limits;
use crate::config::timeouts::Lifetimes;

pub(crate) mod servers;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod url;

/// How many live sessions a user may have, and what a login does at that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    pub(crate) most: u16,
    pub(crate) policy: AtCap,
}

impl Cap {
    /// At most so many sessions of a user, 1 to 256; a login above it is rejected.
    ///
    /// A login whose token did not reach its client takes a place for 5 s in a `SessionLayer`, 65 s at most,
    /// if the layer returned no response with it; else until it expires or is revoked. With [`evict`](Self::evict) the next login simply makes room.
    #[must_use]
    pub const fn reject(most: u16) -> Self {
        Self { most, policy: AtCap::Reject }
    }

    /// At most so many sessions of a user, 1 to 256; a login above it ends the user's earliest login.
    #[must_use]
    pub const fn evict(most: u16) -> Self {
        Self { most, policy: AtCap::EvictEarliest }
    }

    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        if (1..=256).contains(&self.most) {
            Ok(self)
        } else {
            Err(ConfigError::out_of_range("cap", self.most, "1 to 256"))
        }
    }
}

impl Default for Cap {
    /// 100, evicting: no user notices, and an index stays small enough to be read whole.
    fn default() -> Self {
        Self::evict(100)
    }
}

/// What a login does when the user has reached the maximum number of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtCap {
    Reject,
    EvictEarliest,
}

/// The settings of the sessions handle, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) lifetimes: Lifetimes,
    /// Whether the builder was given timeouts: otherwise a drop-in application's own expiry decides.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
        allow(dead_code)
    )]
    pub(crate) timeouts_given: bool,
    pub(crate) cap: Cap,
    pub(crate) limits: Limits,
    pub(crate) grace_ms: u32,
    pub(crate) binding: ClientBinding,
}

/// The settings of the Redis connections, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pools {
    pub(crate) connections: usize,
    pub(crate) bulk_connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) budget: Duration,
}

/// A setting that cannot be: which one, its value, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {value}: {limit}")]
pub struct ConfigError {
    setting: &'static str,
    value: String,
    limit: String,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, value: impl fmt::Display, limit: impl fmt::Display) -> Self {
        Self { setting, value: value.to_string(), limit: limit.to_string() }
    }

    pub(crate) fn out_of_range(setting: &'static str, value: impl fmt::Display, range: impl fmt::Display) -> Self {
        Self::new(setting, value, format!("allowed is {range}"))
    }

    /// The setting's name.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}
