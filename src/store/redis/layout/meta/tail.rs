//! The tail: who a session belongs to and where it comes from. Rust writes it; scripts only pass it on.

use std::net::IpAddr;

use crate::identity::client::ClientInfo;
use crate::store::redis::layout::constants::NO_AGENT;
use crate::store::redis::layout::meta::Reader;

/// The class of every session so far.
const CLASS: u8 = 0;
/// Flags of the tail, which each login writes: the browser is to keep the cookie when it is closed, or is not to. Neither:
/// as the layer has it. They are not in the head, because four scripts would then have to be given them and to merge them.
const REMEMBER: u8 = 1;
const FORGET: u8 = 2;

/// The user, the client, and whether the login asked for a lasting cookie.
type Tail = (Option<String>, ClientInfo, Option<bool>);

/// The whole tail. Unknown flags and extras of unknown kinds are skipped; `None` for what is damaged.
pub(crate) fn read(bytes: &mut Reader<'_>) -> Option<Tail> {
    let [_class] = bytes.take()?;
    let length = u16::from_be_bytes(bytes.take()?);
    let user = (length > 0).then_some(bytes.text(length)?);
    let client = ClientInfo::new();
    let client = match bytes.take()? {
        [0] => client,
        [4] => client.address(IpAddr::from(bytes.take::<4>()?)),
        [16] => client.address(IpAddr::from(bytes.take::<16>()?)),
        _ => return None,
    };
    let client = match u16::from_be_bytes(bytes.take()?) {
        NO_AGENT => client,
        length => client.user_agent(bytes.text(length)?),
    };
    let [flags] = bytes.take()?;
    skip_extras(bytes)?;
    Some((user, client, remembered(flags)))
}

/// Extras up to the end: each a kind, its length and as many bytes. No kind is known so far.
fn skip_extras(bytes: &mut Reader<'_>) -> Option<()> {
    while !bytes.0.is_empty() {
        let [_kind, high, low] = bytes.take()?;
        bytes.slice(u16::from_be_bytes([high, low]).into())?;
    }
    Some(())
}

/// Packs the tail of a session that begins or logs in, without extras. No user: a guest's.
pub(crate) fn tail(user: Option<&str>, client: &ClientInfo, remember: Option<bool>) -> Vec<u8> {
    let mut tail = whose(user, client);
    tail.push(match remember {
        None => 0,
        Some(true) => REMEMBER,
        Some(false) => FORGET,
    });
    tail
}

/// The tail up to its flags: class, user and client. A login joins another one's session only if this is equal.
pub(crate) fn whose(user: Option<&str>, client: &ClientInfo) -> Vec<u8> {
    let mut tail = vec![CLASS];
    tail.extend(owner(user.unwrap_or_default()));
    match client.known_address() {
        None => tail.push(0),
        Some(IpAddr::V4(address)) => tail.extend([&[4], &address.octets()[..]].concat()),
        Some(IpAddr::V6(address)) => tail.extend([&[16], &address.octets()[..]].concat()),
    }
    match client.known_user_agent() {
        None => tail.extend(NO_AGENT.to_be_bytes()),
        Some(agent) => tail.extend(counted(agent)),
    }
    tail
}

const fn remembered(flags: u8) -> Option<bool> {
    match flags & (REMEMBER | FORGET) {
        REMEMBER => Some(true),
        FORGET => Some(false),
        _ => None,
    }
}

/// The user as the tail has it, with its length; an empty one is a guest. Scripts compare by it whose a session is.
pub(crate) fn owner(user: &str) -> Vec<u8> {
    counted(user)
}

/// A text with its length. Longer ones than limits allow are cut rather than misread.
fn counted(text: &str) -> Vec<u8> {
    let bytes = &text.as_bytes()[..text.len().min(usize::from(NO_AGENT) - 1)];
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}
