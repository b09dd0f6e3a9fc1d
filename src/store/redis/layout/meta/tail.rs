//! The tail: a session's user and client. Rust writes it; scripts only copy it.

use std::net::IpAddr;

use crate::identity::client::ClientInfo;
use crate::store::redis::layout::constants::NO_AGENT;
use crate::store::redis::layout::meta::Reader;

/// The class of every session so far.
const CLASS: u8 = 0;
/// Flags in the tail, written by each login: the browser is to keep the cookie after it is closed, or to drop it. Neither
/// means the layer's default. They are not in the head, because four scripts would need them as arguments and have to
/// merge them.
const REMEMBER: u8 = 1;
const FORGET: u8 = 2;

/// The user, the client, and whether the login asked for a lasting cookie.
type Tail = (Option<String>, ClientInfo, Option<bool>);

/// Decodes the tail. Unknown flags and extras of unknown kinds are skipped; `None` if damaged.
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

/// Skips the extras up to the end: each has a kind, a length and as many bytes. No kind is known so far.
fn skip_extras(bytes: &mut Reader<'_>) -> Option<()> {
    while !bytes.0.is_empty() {
        let [_kind, high, low] = bytes.take()?;
        bytes.slice(u16::from_be_bytes([high, low]).into())?;
    }
    Some(())
}

/// Packs the tail of a session at its creation or login, without extras. No user means a guest.
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

/// The user as packed in the tail, with its length; an empty one is a guest. Scripts compare this to check a session's
/// user.
pub(crate) fn owner(user: &str) -> Vec<u8> {
    counted(user)
}

/// A text with its length. A text above the limits is truncated, so that it is not misread.
fn counted(text: &str) -> Vec<u8> {
    let bytes = &text.as_bytes()[..text.len().min(usize::from(NO_AGENT) - 1)];
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}
