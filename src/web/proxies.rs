//! The client's address behind proxies.

use std::net::{IpAddr, SocketAddr};

use super::head::RequestHead;
use crate::config::ConfigError;
use crate::config::network::agree;

/// Proxies that are trusted to report the client's address, see
/// [`SessionLayer::trusted_proxies`](crate::SessionLayer::trusted_proxies).
///
/// For a request from one of these networks, the client's address is the last entry of `X-Forwarded-For`; if that is a
/// trusted proxy too, the entry before it, and so on from the right. Entries further left are written by the client and
/// ignored. An invalid entry stops the search at the last valid one. A request from elsewhere has the address of its
/// connection, whatever its headers say.
///
/// Only one header is read, since a proxy that writes one passes on the other as the client sent it.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use cloakroom::{SessionLayer, Sessions, TrustedProxies};
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// let layer = SessionLayer::new(sessions).trusted_proxies(TrustedProxies::new(["10.0.0.0/8", "::1"])?);
/// # drop(layer);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "give it to `SessionLayer::trusted_proxies`"]
pub struct TrustedProxies {
    networks: Vec<(IpAddr, u8)>,
    rfc7239: bool,
}

impl TrustedProxies {
    /// The proxies in these networks, such as `10.0.0.0/8`; a single address is a network of one.
    ///
    /// # Errors
    /// [`ConfigError`] for an invalid network.
    pub fn new<N: AsRef<str>>(networks: impl IntoIterator<Item = N>) -> Result<Self, ConfigError> {
        let networks = networks.into_iter().map(|text| network(text.as_ref()));
        Ok(Self { networks: networks.collect::<Result<_, _>>()?, rfc7239: false })
    }

    /// Reads the header `Forwarded` (RFC 7239) instead of `X-Forwarded-For`.
    pub fn forwarded(self) -> Self {
        Self { rfc7239: true, ..self }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|(network, bits)| agree(*network, address, *bits))
    }

    /// The client's address for a connection from this peer.
    pub(crate) fn client(&self, peer: IpAddr, request: &impl RequestHead) -> IpAddr {
        let name = if self.rfc7239 { "forwarded" } else { "x-forwarded-for" };
        let mut nodes: Vec<Option<IpAddr>> = request.values(name).flat_map(|value| self.nodes(value)).collect();
        let mut address = peer;
        while self.trusts(address) {
            let Some(next) = nodes.pop().flatten() else { break };
            address = next;
        }
        address
    }

    /// The addresses in one header; `None` for an invalid entry.
    fn nodes(&self, value: &[u8]) -> Vec<Option<IpAddr>> {
        // Invalid UTF-8 affects only its own entry: the client's, not what the proxy appended.
        let value = &*String::from_utf8_lossy(value);
        if !self.rfc7239 {
            return value.split(',').map(|entry| node_address(entry.trim())).collect();
        }
        match unquoted(value, b',') {
            Some(elements) => elements.into_iter().map(|element| node_address(forwarded_for(element)?)).collect(),
            None => vec![None],
        }
    }
}

/// Splits a value at separators outside of quotes (RFC 9110, 5.6.4).
///
/// `None` if a quote is not closed: a client that opens one would absorb the proxy's entry into its own element.
fn unquoted(value: &str, separator: u8) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped, mut from, mut parts) = (false, false, 0, Vec::new());
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'\\' => return None,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => {
                parts.push(&value[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&value[from..]);
    (!quoted).then_some(parts)
}

/// The `for` of one element: `for=192.0.2.1;proto=https`, `For="[2001:db8::1]:4711"`. `None` if there are several.
fn forwarded_for(element: &str) -> Option<&str> {
    let pairs = unquoted(element, b';')?.into_iter().filter_map(|pair| pair.split_once('='));
    let mut nodes = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (Some((_, node)), None) = (nodes.next(), nodes.next()) else { return None };
    let node = node.trim();
    Some(node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node))
}

/// Parses an address with an optional port and optional brackets around IPv6.
fn node_address(node: &str) -> Option<IpAddr> {
    let bracketed = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || node.parse::<SocketAddr>().ok().map(|address| address.ip());
    node.parse().ok().or_else(bracketed).or_else(with_port)
}

fn network(text: &str) -> Result<(IpAddr, u8), ConfigError> {
    let range = "an address, or an address and the number of its leading bits: 10.0.0.0/8";
    let refused = || ConfigError::out_of_range("trusted proxy", format!("{text:?}"), range);
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().map_err(|_| refused())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| refused()))?;
    match address.to_canonical() {
        _ if bits > most => Err(refused()),
        canonical if canonical == address => Ok((address, bits)),
        // An IPv4 network written as IPv6, with 96 leading bits more.
        canonical => Ok((canonical, bits.checked_sub(96).ok_or_else(refused)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct From(&'static str, Vec<&'static [u8]>);

    impl RequestHead for From {
        fn method(&self) -> &str {
            "GET"
        }

        fn path(&self) -> &str {
            "/"
        }

        fn authority(&self) -> Option<&str> {
            None
        }

        fn peer(&self) -> Option<IpAddr> {
            self.0.parse().ok()
        }

        fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
            let ours = matches!(name, "x-forwarded-for" | "forwarded");
            self.1.iter().filter(move |_| ours).copied()
        }

        fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
            std::iter::empty()
        }
    }

    fn client(proxies: &TrustedProxies, peer: &'static str, values: &[&'static str]) -> String {
        client_of(proxies, peer, values.iter().map(|value| value.as_bytes()).collect())
    }

    fn client_of(proxies: &TrustedProxies, peer: &'static str, values: Vec<&'static [u8]>) -> String {
        let request = From(peer, values);
        proxies.client(request.peer().expect("an address"), &request).to_string()
    }

    fn ours() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "::1"]).expect("networks")
    }

    #[test]
    fn only_the_last_entry_of_a_trusted_proxy_is_used() {
        for (peer, header, expected) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, 10.0.0.2, 10.1.1.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(client(&ours(), peer, header), expected, "{peer} {header:?}");
        }
    }

    #[test]
    fn an_entry_that_is_not_an_address_ends_the_walk() {
        for (header, expected) in [
            ("198.51.100.1, unknown", "10.0.0.1"),
            ("198.51.100.1, ", "10.0.0.1"),
            ("198.51.100.1, 10.0.0.2, 999.1.1.1, 10.0.0.3", "10.0.0.3"),
            ("198.51.100.1 10.0.0.2", "10.0.0.1"),
            ("198.51.100.1:8080", "198.51.100.1"),
            ("[2001:db8::1]:8080", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("\u{ff}", "10.0.0.1"),
        ] {
            assert_eq!(client(&ours(), "10.0.0.1", &[header]), expected, "{header}");
        }
    }

    #[test]
    fn a_quote_opened_by_the_client_does_not_hide_the_proxys_entry() {
        for header in ["\", 198.51.100.1", "192.0.2.66;x=\", 198.51.100.1", "192.0.2.66\\, 198.51.100.1"] {
            assert_eq!(client(&ours(), "10.0.0.1", &[header]), "198.51.100.1", "{header}");
        }
        for header in [
            "for=192.0.2.66;x=\", for=198.51.100.1",
            "for=192.0.2.66;x=\", for=\"[2001:db8::1]:4711\"",
            "for=192.0.2.66;x=\"\\\", for=198.51.100.1",
            "for=192.0.2.66;x=\", for=198.51.100.1;host=\"a\\\",b\"",
            "for=198.51.100.1;for=192.0.2.66",
        ] {
            assert_eq!(client(&ours().forwarded(), "10.0.0.1", &[header]), "10.0.0.1", "{header}");
        }
        for header in [
            "for=192.0.2.66;x=\"\\\"\", for=198.51.100.1",
            "for=198.51.100.1;host=\"a, for=192.0.2.66;b\"",
            "host=\"a;for=192.0.2.66;b\";for=198.51.100.1",
            "host=\"\\\", for=192.0.2.66;b\";for=198.51.100.1",
        ] {
            assert_eq!(client(&ours().forwarded(), "10.0.0.1", &[header]), "198.51.100.1", "{header}");
        }
    }

    #[test]
    fn a_non_text_byte_invalidates_only_its_own_entry() {
        for (header, expected) in [
            (&b"\xff, 198.51.100.1"[..], "198.51.100.1"),
            (b"192.0.2.66\xc3, 198.51.100.1", "198.51.100.1"),
            (b"198.51.100.1, \xff, 10.0.0.2", "10.0.0.2"),
            (b"198.51.100.1\xff", "10.0.0.1"),
            (b"198.51.100.1, \xff", "10.0.0.1"),
        ] {
            assert_eq!(client_of(&ours(), "10.0.0.1", vec![header]), expected, "{header:?}");
        }
        for (header, expected) in [
            (&b"\xff, for=198.51.100.1"[..], "198.51.100.1"),
            (b"for=\"\xf0\", for=198.51.100.1", "198.51.100.1"),
            (b"for=198.51.100.1;host=\"\xff\"", "198.51.100.1"),
            (b"for=192.0.2.66, for=198.51.100.1\xff", "10.0.0.1"),
        ] {
            assert_eq!(client_of(&ours().forwarded(), "10.0.0.1", vec![header]), expected, "{header:?}");
        }
    }

    #[test]
    fn an_ipv4_network_written_as_ipv6_matches_ipv4() {
        let mapped = TrustedProxies::new(["::ffff:10.0.0.0/104"]).expect("a network");
        assert_eq!(client(&mapped, "10.9.9.9", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client(&mapped, "11.0.0.0", &["198.51.100.1"]), "11.0.0.0");
    }

    #[test]
    fn forwarded_is_read_if_configured() {
        for (header, expected) in [
            ("for=198.51.100.1;proto=https", "198.51.100.1"),
            ("for=192.0.2.66, proto=http; For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=192.0.2.66, for=\"a,b\"", "10.0.0.1"),
            ("for=198.51.100.1, for=_hidden", "10.0.0.1"),
            ("for=198.51.100.1, by=10.0.0.2", "10.0.0.1"),
            ("198.51.100.1", "10.0.0.1"),
        ] {
            assert_eq!(client(&ours().forwarded(), "10.0.0.1", &[header]), expected, "{header}");
        }
    }

    #[test]
    fn text_that_is_not_a_network_is_rejected() {
        for fine in ["10.0.0.0/8", "127.0.0.1", "::1", "2001:db8::/32", "0.0.0.0/0"] {
            assert!(TrustedProxies::new([fine]).is_ok(), "{fine}");
        }
        for wrong in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "localhost",
            "10.0.0.0/8/8",
            "::ffff:10.0.0.0/8",
        ] {
            assert_eq!(TrustedProxies::new([wrong]).map_err(|error| error.setting()), Err("trusted proxy"), "{wrong}");
        }
    }
}
