//! What the core needs of a framework's requests and responses: the bytes of their heads.

use std::net::IpAddr;

use crate::web::error_response::ErrorReply;

/// A request's head.
pub(crate) trait RequestHead {
    fn method(&self) -> &str;

    /// The path of the request's target, without the query.
    fn path(&self) -> &str;

    /// The host of the request's target, where it names one: always in HTTP/2.
    fn authority(&self) -> Option<&str>;

    /// Who is at the other end of the connection.
    fn peer(&self) -> Option<IpAddr>;

    /// All values of a header, whose name is in lower case.
    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]>;

    /// All headers: names in lower case and values. One pass costs less than two lookups by [`values`](Self::values).
    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])>;
}

/// Whether a log may show a header's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    Public,
    Secret,
}

/// A response whose head can still be changed.
pub(crate) trait ResponseHead: Sized {
    fn status(&self) -> u16;

    /// All values of a header, whose name is in lower case.
    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]>;

    /// Removes those values of a header that are not to be kept.
    fn retain(&mut self, name: &str, keep: impl Fn(&[u8]) -> bool);

    /// Adds a value to a header.
    fn append(&mut self, name: &str, value: &[u8], secrecy: Secrecy);

    /// The response to an error: in JSON, with `Retry-After` after an outage.
    fn of(answer: ErrorReply) -> Self;
}
