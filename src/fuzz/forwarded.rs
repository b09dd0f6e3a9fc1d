//! The client's address in what proxies append to `X-Forwarded-For` or `Forwarded`.

use std::net::{IpAddr, Ipv4Addr};

use crate::fuzz::head::{Head, lines};
use crate::web::TrustedProxies;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
/// Not an address that the fuzzer would write by chance.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 214));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// Each line is a header that the client invented. It never changes the address that the proxy adds.
///
/// # Panics
/// If a property does not hold.
pub fn forwarded(bytes: &[u8]) {
    let proxies = TrustedProxies::new(["10.0.0.0/8", "::1"]).expect("networks");
    each_way("x-forwarded-for", &proxies, bytes, "198.51.100.214");
    let entry = r#"for="198.51.100.214:4711";proto=https"#;
    each_way("forwarded", &proxies.forwarded(), bytes, entry);
    drop(str::from_utf8(bytes).map(|text| TrustedProxies::new([text])));
}

fn each_way(name: &'static str, proxies: &TrustedProxies, bytes: &[u8], entry: &str) {
    let made_up: Vec<_> = lines(bytes).map(|value| (name, value)).collect();
    let client = |peer, headers: Vec<(&'static str, &[u8])>| proxies.client(peer, &Head { peer: Some(peer), headers });
    assert_eq!(client(STRANGER, made_up.clone()), STRANGER, "nobody trusts its word");
    client(PROXY, made_up.clone());

    let own_line = made_up.iter().copied().chain([(name, entry.as_bytes())]).collect();
    assert_eq!(client(PROXY, own_line), CLIENT, "the proxy adds a header");

    let last = [lines(bytes).last().unwrap_or_default(), b", ", entry.as_bytes()].concat();
    let same_line = made_up.iter().copied().take(made_up.len() - 1).chain([(name, &last[..])]).collect();
    let told = client(PROXY, same_line);
    // A quote that the client opens makes the line unreadable: then the proxy itself is all that is known.
    let unreadable = name == "forwarded" && told == PROXY && last.iter().any(|byte| matches!(byte, b'"' | b'\\'));
    assert!(told == CLIENT || unreadable, "the proxy adds to a header: {told}");
}
