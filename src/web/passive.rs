//! Passive requests, which are not a use of their session: speculative loads, and those that the application selects.

use std::fmt;
use std::sync::Arc;

use super::head::RequestHead;

/// Headers that mark speculative loads: `Sec-Purpose` (Fetch), and before it `Purpose` of Chromium and Safari, and
/// `X-Moz` of Firefox up to 114.
const MARKS: [&str; 3] = ["sec-purpose", "purpose", "x-moz"];

/// The part of a request that a rule of [`SessionLayer::passive_when`](crate::SessionLayer::passive_when) can read; the
/// same in both frameworks.
#[derive(Clone, Copy)]
pub struct RequestView<'a>(&'a dyn ViewedHead);

impl RequestView<'_> {
    /// The method in upper case, such as `GET`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.0.method()
    }

    /// The path of the request's target, from `/`, without the query; percent-encoded as received.
    ///
    /// The layer reads it before routing. In axum, a layer on a nested router (`nest`) gets it without the prefix.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The first value of a header; `None` if missing or not UTF-8. The name is case-insensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }
}

impl fmt::Debug for RequestView<'_> {
    /// Without headers, since the cookie is one of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestView")
            .field("method", &self.method())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// A framework-independent request for the view.
trait ViewedHead {
    fn method(&self) -> &str;
    fn path(&self) -> &str;
    fn header(&self, name: &str) -> Option<&str>;
}

impl<T: RequestHead> ViewedHead for T {
    fn method(&self) -> &str {
        RequestHead::method(self)
    }

    fn path(&self) -> &str {
        RequestHead::path(self)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.values(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }
}

type Rule = dyn Fn(&RequestView<'_>) -> bool + Send + Sync;

/// The rule for passive requests.
#[derive(Clone, Default)]
pub(crate) struct Passive(Option<Arc<Rule>>);

impl Passive {
    pub(crate) fn when(rule: impl Fn(&RequestView<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(rule)))
    }

    /// Whether the application's rule selects the request.
    pub(crate) fn covers(&self, request: &impl RequestHead) -> bool {
        self.0.as_ref().is_some_and(|rule| rule(&RequestView(request)))
    }
}

impl fmt::Debug for Passive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Passive(..)" } else { "Passive" })
    }
}

/// Whether a browser loads a page that its user may never see.
pub(crate) fn is_speculative(request: &impl RequestHead) -> bool {
    request.headers().any(|(name, value)| MARKS.contains(&name) && names_speculation(value))
}

/// Whether a value such as `prefetch;prerender` begins with one of the two words; the rest are parameters.
fn names_speculation(value: &[u8]) -> bool {
    let word = value.split(|byte| matches!(byte, b';' | b',')).next().unwrap_or_default().trim_ascii();
    word.eq_ignore_ascii_case(b"prefetch") || word.eq_ignore_ascii_case(b"prerender")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_word_of_prefetch_or_prerender_is_speculation() {
        for value in ["prefetch", "Prefetch", "prefetch;prerender", "prefetch; anonymous-client-ip", " prerender "] {
            assert!(names_speculation(value.as_bytes()), "{value}");
        }
        for value in ["", "prefetched", "no-prefetch", "preview", "x;prefetch", "pre fetch"] {
            assert!(!names_speculation(value.as_bytes()), "{value}");
        }
    }
}
