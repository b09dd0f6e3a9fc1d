//! The heads of a framework's requests and responses, as bytes.

use std::net::IpAddr;

use crate::web::error_response::ErrorReply;

/// A request's head.
pub(crate) trait RequestHead {
    fn method(&self) -> &str;

    /// The path of the request's target, without the query.
    fn path(&self) -> &str;

    /// The host of the request's target, if it has one: always in HTTP/2.
    fn authority(&self) -> Option<&str>;

    /// The address of the connection's other end.
    fn peer(&self) -> Option<IpAddr>;

    /// All values of a header; its name is in lower case.
    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]>;

    /// All headers: names in lower case, and values. One pass costs less than two lookups by [`values`](Self::values).
    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])>;
}

/// Whether a header's value may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    Public,
    Secret,
}

/// A response whose head can still be changed.
pub(crate) trait ResponseHead: Sized {
    fn status(&self) -> u16;

    /// All values of a header; its name is in lower case.
    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]>;

    /// Removes the values of a header for which `keep` returns false.
    fn retain(&mut self, name: &str, keep: impl Fn(&[u8]) -> bool);

    /// Adds a value to a header.
    fn append(&mut self, name: &str, value: &[u8], secrecy: Secrecy);

    /// The response to an error: JSON, with `Retry-After` after an outage.
    fn of(answer: ErrorReply) -> Self;
}
