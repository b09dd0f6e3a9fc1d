//! Binding of sessions to the client's address.

use std::net::IpAddr;

use crate::config::ConfigError;
use crate::config::network::agree;

/// Whether a session is bound to its client's address, see [`Builder::client_binding`](crate::Builder::client_binding).
///
/// Compares the address of the request with that of the last login in this session (for a guest, of its creation). If
/// either is unknown, nothing is compared. Phones change networks and many clients change between IPv4 and IPv6 during
/// use, so `reject` logs them out without an explanation; for most applications `ignore` or `flag` is right.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use cloakroom::{ClientBinding, Sessions};
///
/// let binding = ClientBinding::reject().prefixes(24, 56);
/// let sessions = Sessions::builder("memory:").namespace("shop").client_binding(binding).connect().await?;
/// # drop(sessions);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "give it to `Builder::client_binding`"]
pub struct ClientBinding {
    policy: Policy,
    v4_bits: u8,
    v6_bits: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Ignore,
    Flag,
    Reject,
}

/// The result of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindingVerdict {
    /// No difference.
    Same,
    /// Another address; the session opens.
    Changed,
    /// Another address; the session does not open.
    Rejected,
}

impl ClientBinding {
    /// No comparison; the default.
    pub const fn ignore() -> Self {
        Self { policy: Policy::Ignore, v4_bits: 32, v6_bits: 128 }
    }

    /// A session opens from any address. From another one,
    /// [`Session::address_changed`](crate::Session::address_changed) is true, and a log line is written, at most once a
    /// minute.
    pub const fn flag() -> Self {
        Self { policy: Policy::Flag, ..Self::ignore() }
    }

    /// From another address, a session is treated as unknown: no hint, no touch, the cookie stays. A log line is
    /// written, at most once a minute.
    pub const fn reject() -> Self {
        Self { policy: Policy::Reject, ..Self::ignore() }
    }

    /// Compares only the leading bits: 1 to 32 for IPv4 addresses, 1 to 128 for IPv6; all by default.
    pub const fn prefixes(self, v4_bits: u8, v6_bits: u8) -> Self {
        Self { v4_bits, v6_bits, ..self }
    }

    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        let (v4, v6) = (self.v4_bits, self.v6_bits);
        if (1..=32).contains(&v4) && (1..=128).contains(&v6) {
            Ok(self)
        } else {
            let range = "1 to 32 bits of IPv4, 1 to 128 of IPv6";
            Err(ConfigError::out_of_range("client binding", format!("/{v4}, /{v6}"), range))
        }
    }

    pub(crate) fn judge(self, bound: Option<IpAddr>, from: Option<IpAddr>) -> BindingVerdict {
        let (Some(bound), Some(from)) = (bound, from) else { return BindingVerdict::Same };
        let bits = if bound.to_canonical().is_ipv4() { self.v4_bits } else { self.v6_bits };
        match self.policy {
            Policy::Flag if !agree(bound, from, bits) => BindingVerdict::Changed,
            Policy::Reject if !agree(bound, from, bits) => BindingVerdict::Rejected,
            Policy::Ignore | Policy::Flag | Policy::Reject => BindingVerdict::Same,
        }
    }
}

impl Default for ClientBinding {
    fn default() -> Self {
        Self::ignore()
    }
}
