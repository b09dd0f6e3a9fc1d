//! Whether a browser may have kept the session's cookie back from a request.

use crate::web::csrf::origin::{Evidence, SingleHeader};
use crate::web::head::RequestHead;
use crate::web::token_in::carrier::Carrier;
use crate::web::token_in::cookie_settings::SameSite;

/// Whether a request that came without our cookie may come from a browser that has one: it withholds the cookie from requests
/// of other sites by `SameSite` (RFC 6265bis, 5.8.3), and takes the one that the response sets in its place.
///
/// With `None` it withholds the cookie only where it also refuses to set it, or keeps both apart from what the visitor has
/// here: third-party cookies that are blocked or partitioned. A header is never withheld.
pub(crate) fn may_be(carrier: &Carrier, request: &impl RequestHead) -> bool {
    let Carrier::Cookie(cookie) = carrier else { return false };
    let cross_site = || Evidence::of(request).is_cross_site();
    match cookie.same_site {
        SameSite::None => false,
        SameSite::Lax => cross_site() && !is_followed_link(request),
        SameSite::Strict => cross_site(),
    }
}

/// Whether the user went to the page itself, with `GET`: to that `Lax` lets the cookie go. What sends no `Sec-Fetch-Site` sends no
/// `Origin` with it either, and is not asked.
fn is_followed_link(request: &impl RequestHead) -> bool {
    let says = |name: &str, value: &[u8]| SingleHeader::of(request.values(name)) == SingleHeader::One(value);
    matches!(request.method(), "GET" | "HEAD")
        && says("sec-fetch-mode", b"navigate")
        && says("sec-fetch-dest", b"document")
}
