//! The client of a request.

use super::head::RequestHead;
use super::proxies::TrustedProxies;
use crate::identity::client::ClientInfo;

pub(crate) fn of(request: &impl RequestHead, proxies: &TrustedProxies) -> ClientInfo {
    let mut client = ClientInfo::new();
    if let Some(address) = request.peer() {
        client = client.address(proxies.client(address.to_canonical(), request).to_canonical());
    }
    match request.values("user-agent").next() {
        Some(agent) => client.user_agent(String::from_utf8_lossy(agent)),
        None => client,
    }
}
