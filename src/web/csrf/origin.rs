//! The origin of a request, from headers that browsers set and pages cannot change.

use url::Url;

use crate::config::ConfigError;
use crate::web::head::RequestHead;

/// A header that may occur at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SingleHeader<'a> {
    Absent,
    One(&'a [u8]),
    /// No browser repeats it, and which one counts is undefined.
    Several,
}

impl<'a> SingleHeader<'a> {
    pub(crate) fn of(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// The headers of a request that show its origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    /// `Sec-Fetch-Site` (W3C Fetch Metadata), set by the browser.
    pub(crate) site: SingleHeader<'a>,
    /// `Origin` (RFC 6454, 7): the page's scheme, host and port.
    pub(crate) origin: SingleHeader<'a>,
    /// The target's host and port.
    pub(crate) host: SingleHeader<'a>,
}

/// The origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The site's own page, a trusted one, or the user.
    Ours,
    /// Any other, including malformed headers.
    Other,
    /// Neither header was sent: an old browser, plain HTTP, or not a browser.
    Unknown,
}

impl<'a> Evidence<'a> {
    /// The host is the `Host` header; in HTTP/2 and later, where that is optional, the `:authority`.
    pub(crate) fn of(request: &'a impl RequestHead) -> Self {
        let host = match (SingleHeader::of(request.values("host")), request.authority()) {
            (SingleHeader::Absent, Some(authority)) => SingleHeader::One(authority.as_bytes()),
            (host, _) => host,
        };
        Self {
            site: SingleHeader::of(request.values("sec-fetch-site")),
            origin: SingleHeader::of(request.values("origin")),
            host,
        }
    }
}

impl Evidence<'_> {
    /// Whether another site's page may have sent it; also true for malformed headers. Without both headers it is false.
    pub(crate) fn is_cross_site(&self) -> bool {
        match (self.site, self.origin) {
            (SingleHeader::One(b"same-origin" | b"same-site" | b"none"), _)
            | (SingleHeader::Absent, SingleHeader::Absent) => false,
            (SingleHeader::One(_) | SingleHeader::Several, _) => true,
            (SingleHeader::Absent, _) => !self.is_same_host(),
        }
    }

    /// `Sec-Fetch-Site` decides; otherwise the page's origin is compared with the host.
    pub(crate) fn source(&self, trusted: &[String]) -> Source {
        match self.site {
            SingleHeader::One(b"same-origin" | b"none") => Source::Ours,
            SingleHeader::One(b"same-site" | b"cross-site") if self.is_trusted(trusted) => Source::Ours,
            SingleHeader::One(_) | SingleHeader::Several => Source::Other,
            SingleHeader::Absent => match self.origin {
                SingleHeader::Absent => Source::Unknown,
                SingleHeader::One(_) if self.is_trusted(trusted) || self.is_same_host() => Source::Ours,
                SingleHeader::One(_) | SingleHeader::Several => Source::Other,
            },
        }
    }

    fn is_trusted(&self, trusted: &[String]) -> bool {
        matches!(self.origin, SingleHeader::One(origin) if trusted.iter().any(|trusted| trusted.as_bytes() == origin))
    }

    /// Compares byte for byte, since browsers write both alike. Our own scheme is unknown behind a proxy that
    /// terminates TLS.
    fn is_same_host(&self) -> bool {
        let (SingleHeader::One(origin), SingleHeader::One(host)) = (self.origin, self.host) else { return false };
        let page = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
        !host.is_empty() && page == Some(host)
    }
}

/// Accepts an origin only as browsers write it, since it is compared with that. Rejects `*`, which the URL standard
/// permits in a host: it is meant as a wildcard, and would match nothing.
pub(crate) fn checked(origin: &str) -> Result<(), ConfigError> {
    let written = Url::parse(origin).map(|url| url.origin().ascii_serialization());
    let web = origin.starts_with("https://") || origin.starts_with("http://");
    if web && !origin.contains('*') && written.is_ok_and(|written| written == origin) {
        return Ok(());
    }
    let range = "`https://host` or `https://host:port` as browsers write it: lower case, no `*`, path or default port";
    Err(ConfigError::out_of_range("trusted origin", format!("{origin:?}"), range))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTED: &str = "https://app.example";

    fn source(site: &str, origin: &str, host: &str) -> Source {
        let sent =
            |text: &'static str| SingleHeader::of(text.split('+').filter(|text| *text != "-").map(str::as_bytes));
        let leak = |text: &str| sent(String::from(text).leak());
        let evidence = Evidence { site: leak(site), origin: leak(origin), host: leak(host) };
        evidence.source(&[TRUSTED.to_owned()])
    }

    #[test]
    fn sec_fetch_site_counts_before_the_origin() {
        for (site, expected) in [
            ("same-origin", Source::Ours),
            ("none", Source::Ours),
            ("same-site", Source::Other),
            ("cross-site", Source::Other),
            ("", Source::Other),
            ("Same-Origin", Source::Other),
            ("same-origin ", Source::Other),
            ("same-origin;a", Source::Other),
            ("same-origin, cross-site", Source::Other),
            ("\"none\"", Source::Other),
            ("future-site", Source::Other),
            ("same-origin+same-origin", Source::Other),
            ("same-origin+cross-site", Source::Other),
        ] {
            for origin in ["-", "https://shop.example", "https://evil.example", "null", "a+b"] {
                assert_eq!(source(site, origin, "shop.example"), expected, "{site}, {origin}");
            }
        }
    }

    #[test]
    fn a_trusted_origin_is_ours_unless_the_site_cannot_be_understood() {
        for site in ["-", "same-site", "cross-site", "same-origin"] {
            assert_eq!(source(site, TRUSTED, "shop.example"), Source::Ours, "{site}");
            assert_eq!(source(site, TRUSTED, "-"), Source::Ours, "{site}, no host");
        }
        for site in ["", "future-site", "cross-site+cross-site"] {
            assert_eq!(source(site, TRUSTED, "shop.example"), Source::Other, "{site}");
        }
        for origin in ["http://app.example", "https://app.example:444", "https://app.example+https://app.example"] {
            assert_eq!(source("cross-site", origin, "shop.example"), Source::Other, "{origin}");
        }
    }

    #[test]
    fn without_sec_fetch_site_the_origin_must_equal_the_host() {
        for (origin, host) in [
            ("https://shop.example", "shop.example"),
            ("http://shop.example", "shop.example"),
            ("http://localhost:3000", "localhost:3000"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert_eq!(source("-", origin, host), Source::Ours, "{origin}");
        }
        for (origin, host) in [
            ("null", "shop.example"),
            ("null", "null"),
            ("", ""),
            ("https://", ""),
            ("https://", "-"),
            ("shop.example", "shop.example"),
            ("https://shop.example/", "shop.example"),
            ("https://SHOP.example", "shop.example"),
            ("https://shop.example:444", "shop.example"),
            ("https://shop.example:443", "shop.example"),
            ("https://shop.example", "shop.example:8443"),
            ("https://a.shop.example", "shop.example"),
            ("https://shop.example.evil.example", "shop.example"),
            ("https://https://shop.example", "shop.example"),
            ("ftp://shop.example", "shop.example"),
            ("chrome-extension://shop.example", "shop.example"),
            ("https://shop.example https://evil.example", "shop.example"),
            ("https://shop.example+https://shop.example", "shop.example"),
            ("https://shop.example", "shop.example+shop.example"),
            ("https://shop.example", "-"),
            ("\u{ff}", "shop.example"),
        ] {
            assert_eq!(source("-", origin, host), Source::Other, "{origin}, {host}");
        }
        assert_eq!(source("-", "-", "shop.example"), Source::Unknown);
    }

    #[test]
    fn an_origin_is_trusted_only_as_browsers_send_it() {
        for fine in
            ["https://app.example", "http://localhost:3000", "https://[::1]:8443", "https://xn--bcher-kva.example"]
        {
            assert_eq!(checked(fine), Ok(()), "{fine}");
        }
        for wrong in [
            "",
            "null",
            "*",
            "app.example",
            "https://",
            "https://app.example/",
            "https://app.example/path",
            "https://APP.example",
            "https://app.example:443",
            "https://*.app.example/",
            "https://*.app.example",
            "https://*",
            "https://app.example:*",
            "https://bücher.example",
            "https://user@app.example",
            "ftp://app.example",
            "file:///",
            " https://app.example",
        ] {
            assert_eq!(checked(wrong).map_err(|error| error.setting()), Err("trusted origin"), "{wrong}");
        }
    }
}
