//! Checked settings, and the error for invalid ones.

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

/// The limit of live sessions per user, and what a login does at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    pub(crate) most: u16,
    pub(crate) policy: AtCap,
}

impl Cap {
    /// At most `most` sessions per user, 1 to 256; a login above the limit is rejected.
    ///
    /// A login whose token did not reach its client holds a place: for 5 s, at most 65 s, in a `SessionLayer` that returned
    /// no response with it; otherwise until it expires or is revoked. With [`evict`](Self::evict), the next login makes room.
    #[must_use]
    pub const fn reject(most: u16) -> Self {
        Self { most, policy: AtCap::Reject }
    }

    /// At most `most` sessions per user, 1 to 256; a login above the limit ends the user's earliest login.
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
    /// 100, evicting: users do not notice, and an index is small enough to be read whole.
    fn default() -> Self {
        Self::evict(100)
    }
}

/// What a login does if the user is at the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtCap {
    Reject,
    EvictEarliest,
}

/// The checked settings of the sessions handle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) lifetimes: Lifetimes,
    /// Whether the builder was given timeouts; otherwise a drop-in application's own expiry applies.
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

/// The checked settings of the Redis connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pools {
    pub(crate) connections: usize,
    pub(crate) bulk_connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) budget: Duration,
}

/// An invalid setting: its name, its value and its limit.
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
