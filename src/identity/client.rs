//! The client of a request, as far as the server can tell.

use std::net::IpAddr;

/// The client's address and user agent, stored with a session so that its user can distinguish devices.
///
/// Affects whether a session opens only with a [`ClientBinding`](crate::ClientBinding).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    address: Option<IpAddr>,
    user_agent: Option<String>,
}

impl ClientInfo {
    /// An unknown client.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the address of the request.
    #[must_use]
    pub fn address(self, address: IpAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// Sets the client's `User-Agent`; truncated at the configured limit, 256 bytes by default.
    #[must_use]
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        Self { user_agent: Some(user_agent.into()), ..self }
    }

    /// The address, if known.
    #[must_use]
    pub const fn known_address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The user agent, if known.
    #[must_use]
    pub fn known_user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Truncates the user agent to this number of bytes, at a character boundary.
    pub(crate) fn cut(mut self, most: usize) -> Self {
        if let Some(agent) = &mut self.user_agent {
            let cut = (0..=most.min(agent.len())).rev().find(|at| agent.is_char_boundary(*at));
            agent.truncate(cut.unwrap_or(0));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_user_agent_is_cut_between_characters() {
        let cut = |text: &str| ClientInfo::new().user_agent(text).cut(256).user_agent.expect("kept");
        assert_eq!(cut("curl/8"), "curl/8");
        assert_eq!(cut(&"a".repeat(300)).len(), 256);
        assert_eq!(cut(&format!("{}é", "a".repeat(255))).len(), 255);
    }
}
