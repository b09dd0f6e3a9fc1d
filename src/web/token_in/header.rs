//! A header instead of a cookie, for clients that are not browsers.

use zeroize::Zeroizing;

use crate::config::ConfigError;
use crate::web::token_in::carrier::RequestTokens;
use crate::web::token_in::set_cookie::{CookieContent, Line};

/// Limit of a header's name.
const NAME_BYTES: usize = 128;
/// Prefixes of header families that have a meaning for servers, proxies or browsers.
const FAMILIES: [&str; 8] =
    ["accept", "access-control-", "content-", "cross-origin-", "if-", "proxy-", "sec-", "x-forwarded-"];

/// Other headers with a meaning.
const TAKEN: [&str; 41] = [
    // of one connection: proxies remove them (RFC 9110, 7.6.1)
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    // a request's
    "cookie",
    "expect",
    "from",
    "host",
    "max-forwards",
    "origin",
    "range",
    "referer",
    "user-agent", // which is stored and shown
    "x-csrf-token",
    "x-requested-with",
    // a proxy's
    "forwarded",
    "server",
    "via",
    "x-real-ip",
    // a cache's
    "age",
    "cache-control",
    "date",
    "etag",
    "expires",
    "last-modified",
    "pragma",
    "vary",
    // a response's
    "allow",
    "alt-svc",
    "clear-site-data",
    "link",
    "location",
    "refresh",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
];

/// A header that carries the token instead of a cookie, for clients that are not browsers.
/// | | |
/// |---|---|
/// | request | the token as the header's value; in `Authorization` after `Bearer `, other schemes are ignored |
/// | response with a new token | the same header, in the same form |
/// | response after the session was found ended | the same header with an empty value: drop the token |
/// | any other response | no such header: keep the token |
///
/// The header is set or removed where a cookie would be, with `Cache-Control: no-store`; `Vary` names it; no cookie is
/// read or set. Of several headers with different values, at most four are tried, as for
/// [cookies](crate::SessionCookie). [`CsrfLayer`](crate::CsrfLayer) lets its requests pass, since no browser adds the
/// header by itself. For pages a cookie is better: a script would have to store the token where every other script of
/// the page can read it.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use cloakroom::{SessionHeader, SessionLayer, Sessions};
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// let layer = SessionLayer::new(sessions.clone()).header(SessionHeader::new("x-session"))?;
/// let bearer = SessionLayer::new(sessions).header(SessionHeader::bearer())?;
/// # drop((layer, bearer));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "give it to `SessionLayer::header`"]
pub struct SessionHeader {
    /// In lower case.
    name: String,
    bearer: bool,
}

impl SessionHeader {
    /// A header of this name, 1 to 128 bytes of letters, digits and ``!#$%&'*+-.^_`|~``, case-insensitive.
    ///
    /// `Authorization` means [`bearer`](Self::bearer). Standard names with another meaning are rejected, such as
    /// `Cookie`, `Content-Encoding` or `Connection`: the token would break the response, or a proxy would drop it.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into().to_ascii_lowercase();
        Self { bearer: name == "authorization", name }
    }

    /// `Authorization: Bearer <token>` (RFC 6750, 2.1).
    pub fn bearer() -> Self {
        Self::new("authorization")
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !(1..=NAME_BYTES).contains(&self.name.len()) || !self.name.bytes().all(legal) {
            let range = "1 to 128 bytes: letters, digits and !#$%&'*+-.^_`|~";
            return Err(ConfigError::out_of_range("session header", format!("{:?}", self.name), range));
        }
        if TAKEN.contains(&self.name.as_str()) || FAMILIES.iter().any(|family| self.name.starts_with(family)) {
            return Err(ConfigError::new("session header", &self.name, "is a standard header with another meaning"));
        }
        Ok(self)
    }

    pub(crate) fn find<'a>(&self, values: impl Iterator<Item = &'a [u8]>) -> RequestTokens<'a> {
        if self.bearer {
            RequestTokens::among(values.filter_map(bearer))
        } else {
            RequestTokens::among(values.map(<[u8]>::trim_ascii))
        }
    }

    pub(crate) fn render(&self, content: &CookieContent<'_>) -> Line {
        let text = match content {
            CookieContent::Token { text, .. } => text,
            CookieContent::Removed => return Zeroizing::new(String::new()),
        };
        let mut line = Zeroizing::new(String::with_capacity(80));
        if self.bearer {
            line.push_str("Bearer ");
        }
        line.push_str(text);
        line
    }
}

/// The part after the scheme, which is case-insensitive (RFC 9110, 11.1); `None` for another scheme.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.trim_ascii().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::load::candidates::Candidates;

    fn find<'a>(header: &SessionHeader, values: &[&'a str]) -> RequestTokens<'a> {
        header.find(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn a_headers_value_is_the_token() {
        let header = SessionHeader::new("X-Session");
        assert_eq!(header.name(), "x-session");
        assert_eq!(find(&header, &[]), RequestTokens::Absent);
        assert_eq!(find(&header, &[" v\t"]), RequestTokens::One(b"v"));
        assert_eq!(find(&header, &["v", "v"]), RequestTokens::One(b"v"));
        assert_eq!(find(&header, &["v", "w"]), RequestTokens::Several(Candidates::default()));
        assert_eq!(find(&header, &["Bearer v"]), RequestTokens::One(b"Bearer v"), "no scheme, so it is no token");
    }

    #[test]
    fn only_the_bearer_scheme_of_authorization_is_read() {
        let header = SessionHeader::bearer();
        assert_eq!(find(&header, &["Bearer v"]), RequestTokens::One(b"v"));
        assert_eq!(find(&header, &["bEARER  v "]), RequestTokens::One(b"v"));
        assert_eq!(find(&header, &["Basic dXNlcg==", "Bearer v"]), RequestTokens::One(b"v"));
        assert_eq!(find(&header, &["Bearer v", "Bearer w"]), RequestTokens::Several(Candidates::default()));
        for other in ["", "v", "Bearer", "Bearerv", "Basic v", "Token v"] {
            assert_eq!(find(&header, &[other]), RequestTokens::Absent, "{other}");
        }
    }

    #[test]
    fn a_token_is_returned_in_the_form_of_the_request() {
        let token = CookieContent::Token { text: "v", left: None, remember: None };
        for (header, rendered) in [(SessionHeader::new("x-session"), "v"), (SessionHeader::bearer(), "Bearer v")] {
            assert_eq!(header.render(&token).as_str(), rendered);
            assert_eq!(header.render(&CookieContent::Removed).as_str(), "");
        }
    }

    #[test]
    fn a_header_that_means_something_else_is_refused() {
        for fine in ["x-session", "X-Session", "authorization", "session", "x-auth-token", "x-proxy-session", "iff"] {
            assert!(SessionHeader::new(fine).checked().is_ok(), "{fine}");
        }
        for wrong in [
            "",
            "a b",
            "a:b",
            "é",
            "Cookie",
            "set-cookie",
            "Host",
            "Sec-Fetch-Site",
            "vary",
            "User-Agent",
            "X-Forwarded-For",
            "x-forwarded-host",
            "Content-Encoding",
            "content-range",
            "ETag",
            "accept",
            "Accept-Encoding",
            "expect",
            "Trailer",
            "keep-alive",
            "proxy-connection",
            "Proxy-Authorization",
            "proxy-authenticate",
            "WWW-Authenticate",
            "via",
            "Link",
            "if-none-match",
            "access-control-allow-origin",
            &"a".repeat(129),
        ] {
            let refused = SessionHeader::new(wrong).checked().map_err(|error| error.setting());
            assert_eq!(refused, Err("session header"), "{wrong}");
        }
    }
}
