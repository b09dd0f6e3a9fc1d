//! The store's URL, which holds passwords.

use std::net::Ipv6Addr;

use crate::config::servers::{Addr, Servers};
use crate::config::url::StoreUrl;

/// Stands for a secret wherever the fuzzer puts it.
const SECRET: &str = "hunter2";

/// An error shows nothing of the URL. What was read shows no password, and a host reads again as it is shown.
///
/// # Panics
/// If a property does not hold.
pub fn url(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match StoreUrl::parse(text) {
        Err(error) => {
            let shown = format!("{error} {error:?} {}", error.setting());
            assert!(!shown.contains(SECRET), "{shown}");
        }
        Ok(StoreUrl::Memory) => {}
        Ok(StoreUrl::Redis(servers)) => {
            let shown = format!("{servers} {servers:?}");
            assert!(!shown.contains(SECRET) || is_elsewhere(&servers), "{shown}");
            addrs(&servers).into_iter().for_each(reads_again);
        }
    }
    drop(Addr::read(text).map(|addr| addr.or_host_of(&Addr::Unix { path: String::new() }).to_string()));
}

/// Whether it is in a host, a path or a master's name, which are shown.
fn is_elsewhere(servers: &Servers) -> bool {
    let master = match servers {
        Servers::Sentinel(group) => &group.master,
        Servers::One(_) | Servers::Cluster { .. } => "",
    };
    master.contains(SECRET) || addrs(servers).iter().any(|addr| addr.to_string().contains(SECRET))
}

fn addrs(servers: &Servers) -> Vec<&Addr> {
    match servers {
        Servers::One(server) => vec![&server.addr],
        Servers::Sentinel(group) => group.sentinels.iter().collect(),
        Servers::Cluster { seeds, .. } => seeds.iter().collect(),
    }
}

/// Of a host that needs no percent-encoding, or is an IPv6 address.
fn reads_again(addr: &Addr) {
    let Addr::Tcp { host, port } = addr else { return };
    assert!(*port != 0 && !host.is_empty());
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if plain || host.parse::<Ipv6Addr>().is_ok() {
        let again = StoreUrl::parse(&format!("redis://{addr}"));
        assert!(matches!(again, Ok(StoreUrl::Redis(servers)) if addrs(&servers) == [addr]), "{addr}");
        assert_eq!(Addr::read(&addr.to_string()).as_ref(), Some(addr));
    }
}
