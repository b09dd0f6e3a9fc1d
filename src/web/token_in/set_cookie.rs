//! Rendering of the session cookie.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::config::timeouts::LONGEST;
use crate::web::token_in::cookie;
use crate::web::token_in::cookie_settings::{CookieLifetime, CookieScope, SessionCookie};

/// A header value; wiped on drop, since it may contain a token.
pub(crate) type Line = Zeroizing<String>;

/// Capacity for the attributes' names, their fixed values and the lifetime.
const ATTRIBUTES: usize = "=; Secure; HttpOnly; Path=; Domain=; SameSite=Strict; Partitioned; Max-Age=".len() + 20;

/// The cookie's content.
pub(crate) enum CookieContent<'a> {
    Token {
        text: &'a str,
        /// Time to the session's absolute deadline, if it has one.
        left: Option<Duration>,
        /// Whether the login asked the browser to keep it, if it chose.
        remember: Option<bool>,
    },
    Removed,
}

impl SessionCookie {
    /// Renders cookie and removal with the same attributes; with others, a browser would keep the old cookie too.
    pub(crate) fn render(&self, content: &CookieContent<'_>) -> Line {
        let text = match content {
            CookieContent::Token { text, .. } => text,
            CookieContent::Removed => "",
        };
        let mut line = Zeroizing::new(String::with_capacity(self.most_bytes(text)));
        line.push_str(self.name_str());
        line.push('=');
        line.push_str(text);
        self.push_attributes(&mut line, &self.domain, &self.path);
        if let Some(seconds) = self.max_age(content) {
            line.push_str(&format!("; Max-Age={seconds}"));
        }
        line
    }

    /// The removals of the cookies in former places.
    pub(crate) fn former_removals(&self) -> Vec<Line> {
        self.former.iter().map(|place| self.removal_from(place)).collect()
    }

    fn removal_from(&self, place: &CookieScope) -> Line {
        let mut line = Zeroizing::new(format!("{}=", self.name_str()));
        self.push_attributes(&mut line, &place.domain, &place.path);
        line.push_str("; Max-Age=0");
        line
    }

    /// Capacity for the whole line: a growing string leaves its old content in memory that is not wiped.
    fn most_bytes(&self, text: &str) -> usize {
        let domain = self.domain.as_ref().map_or(0, |domain| domain.len());
        self.name_str().len() + text.len() + self.path.len() + domain + ATTRIBUTES
    }

    fn push_attributes(&self, line: &mut String, domain: &Option<String>, path: &str) {
        if self.secure {
            line.push_str("; Secure");
        }
        line.push_str("; HttpOnly; Path=");
        line.push_str(path);
        if let Some(domain) = domain {
            line.push_str("; Domain=");
            line.push_str(domain);
        }
        line.push_str("; SameSite=");
        line.push_str(self.same_site.as_str());
        if self.partitioned {
            line.push_str("; Partitioned");
        }
    }

    /// Seconds, rounded up: 0, in a session's last second, would be a removal.
    fn max_age(&self, content: &CookieContent<'_>) -> Option<u64> {
        let CookieContent::Token { left, remember, .. } = content else { return Some(0) };
        self.has_age(*remember).then(|| (left.unwrap_or(LONGEST).min(LONGEST).as_millis() as u64).div_ceil(1000).max(1))
    }

    /// Whether the cookie is set with a `Max-Age`.
    pub(crate) fn has_age(&self, remember: Option<bool>) -> bool {
        remember.unwrap_or(self.lasting == CookieLifetime::MaxAge)
    }

    /// Whether this value of a `Set-Cookie` header sets our cookie.
    pub(crate) fn is_ours(&self, set_cookie: &[u8]) -> bool {
        let first = set_cookie.split(|byte| *byte == b';').next().and_then(cookie::pair);
        first.is_some_and(|(name, _)| name == self.name_str().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::token_in::cookie_settings::SameSite;

    fn set(cookie: &SessionCookie, left: Option<Duration>) -> String {
        cookie.render(&CookieContent::Token { text: "v", left, remember: None }).to_string()
    }

    #[test]
    fn the_default_has_every_protection() {
        let set = set(&SessionCookie::new(), Some(Duration::from_secs(60)));
        assert_eq!(set, "__Host-id=v; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age=60");
    }

    #[test]
    fn a_removal_has_the_attributes_of_the_removed_cookie() {
        let cookie = SessionCookie::new().name("__Secure-id").domain("shop.example").path("/shop").browser_session();
        let attributes = "; Secure; HttpOnly; Path=/shop; Domain=shop.example; SameSite=Lax";
        assert_eq!(set(&cookie, None), format!("__Secure-id=v{attributes}"));
        assert_eq!(cookie.render(&CookieContent::Removed).as_str(), format!("__Secure-id={attributes}; Max-Age=0"));
    }

    #[test]
    fn a_cookie_line_of_any_length_is_written_with_one_allocation() {
        let path = format!("/{}", "p".repeat(3_000));
        let long =
            SessionCookie::new().name("__Secure-id").domain("shop.example").path(path).same_site(SameSite::Strict);
        for cookie in [SessionCookie::new(), long.clone(), long.partitioned()] {
            let text = "v".repeat(64);
            for content in
                [CookieContent::Token { text: &text, left: None, remember: Some(true) }, CookieContent::Removed]
            {
                let empty = matches!(content, CookieContent::Removed);
                let line = cookie.render(&content);
                assert_eq!(line.capacity(), cookie.most_bytes(if empty { "" } else { &text }), "it grew");
            }
        }
    }

    #[test]
    fn max_age_is_the_time_left_rounded_up_and_at_most_400_days() {
        for (left, seconds) in [
            (Some(Duration::ZERO), 1),
            (Some(Duration::from_millis(1)), 1),
            (Some(Duration::from_millis(1001)), 2),
            (Some(LONGEST * 2), 34_560_000),
            (None, 34_560_000),
        ] {
            let set = set(&SessionCookie::new().same_site(SameSite::Strict), left);
            assert!(set.ends_with(&format!("; SameSite=Strict; Max-Age={seconds}")), "{set}");
        }
    }

    #[test]
    fn our_cookie_is_recognized_by_its_name_alone() {
        let cookie = SessionCookie::new();
        for ours in ["__Host-id=x", " __Host-id =; Path=/", "__Host-id=;"] {
            assert!(cookie.is_ours(ours.as_bytes()), "{ours}");
        }
        for other in ["", "id=x", "__host-id=x", "a=b; __Host-id=x", "__Host-id"] {
            assert!(!cookie.is_ours(other.as_bytes()), "{other}");
        }
    }
}
