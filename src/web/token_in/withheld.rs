//! Detection of requests whose session cookie a browser may have withheld.

use crate::web::csrf::origin::{Evidence, SingleHeader};
use crate::web::head::RequestHead;
use crate::web::token_in::carrier::Carrier;
use crate::web::token_in::cookie_settings::SameSite;

/// Whether a request without our cookie may come from a browser that has one. Browsers withhold it from cross-site
/// requests by `SameSite` (RFC 6265bis, 5.8.3), and the cookie of the response would replace it.
///
/// With `None`, a browser withholds the cookie only if it also refuses to set it or stores both separately: blocked or
/// partitioned third-party cookies. A header is never withheld.
pub(crate) fn may_be(carrier: &Carrier, request: &impl RequestHead) -> bool {
    let Carrier::Cookie(cookie) = carrier else { return false };
    let cross_site = || Evidence::of(request).is_cross_site();
    match cookie.same_site {
        SameSite::None => false,
        SameSite::Lax => cross_site() && !is_followed_link(request),
        SameSite::Strict => cross_site(),
    }
}

/// Whether the user navigated to the page, with `GET` or `HEAD`; `Lax` then sends the cookie. Browsers without
/// `Sec-Fetch-Site` send no `Origin` in this case either, so such requests do not get here.
fn is_followed_link(request: &impl RequestHead) -> bool {
    let says = |name: &str, value: &[u8]| SingleHeader::of(request.values(name)) == SingleHeader::One(value);
    matches!(request.method(), "GET" | "HEAD")
        && says("sec-fetch-mode", b"navigate")
        && says("sec-fetch-dest", b"document")
}
