//! A request of which only some headers matter.

use std::net::IpAddr;

use crate::web::head::RequestHead;

pub(super) struct Head<'a> {
    pub(super) peer: Option<IpAddr>,
    pub(super) headers: Vec<(&'static str, &'a [u8])>,
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        "POST"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(other, _)| *other == name).map(|(_, value)| *value)
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().copied()
    }
}

/// The values of several headers, one a line: no header has a line's end in it.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n')
}
