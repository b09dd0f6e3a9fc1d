//! The settings of the session cookie.

use std::borrow::Cow;

use crate::config::ConfigError;

/// Limit of a cookie's name; browsers accept 4,096 bytes for name and value together.
const NAME_BYTES: usize = 128;
/// Limit of a host name (RFC 1035, 2.3.4).
const DOMAIN_BYTES: usize = 253;
/// Browsers ignore a longer attribute (RFC 6265bis, 5.6).
const PATH_BYTES: usize = 1024;
/// Limit of former places: a response may carry a removal for each.
const FORMER_PLACES: usize = 4;

/// The settings of the session cookie. It is always `HttpOnly`.
///
/// | | default | why |
/// |---|---|---|
/// | name | `__Host-id` | the prefix prevents subdomains and plain HTTP from setting it |
/// | `SameSite` | `Lax` | sent with links from other sites, but not with their forms |
/// | `Secure` | yes | never over plain HTTP |
/// | `Path` | `/` | one session for the whole host |
/// | `Domain` | none | only the host that set it |
/// | `Partitioned` | no | one session per visitor, not one for each embedding site |
/// | `Max-Age` | time to the session's absolute deadline, at most 400 days | not a security limit: the store enforces the deadline |
///
/// Combinations that browsers would silently reject are an error when a layer is built.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use cloakroom::{SameSite, SessionCookie, SessionLayer, Sessions};
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// let cookie = SessionCookie::new().name("__Secure-shop").domain("shop.example").same_site(SameSite::Strict);
/// let layer = SessionLayer::new(sessions.clone()).cookie(cookie)?;
///
/// let refused = SessionLayer::new(sessions).cookie(SessionCookie::new().name("__Host-shop").domain("shop.example"));
/// assert!(refused.is_err());
/// # drop(layer);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "give it to `SessionLayer::cookie`"]
pub struct SessionCookie {
    name: Cow<'static, str>,
    pub(crate) same_site: SameSite,
    pub(crate) domain: Option<String>,
    pub(crate) path: Cow<'static, str>,
    pub(crate) lasting: CookieLifetime,
    pub(crate) secure: bool,
    pub(crate) partitioned: bool,
    pub(crate) former: Vec<CookieScope>,
}

/// The place of a cookie: browsers store cookies of one name in two places as two cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CookieScope {
    pub(crate) domain: Option<String>,
    pub(crate) path: String,
}

/// With which cross-site requests a browser sends the cookie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// With none: a visitor who follows a link from another site arrives without a session.
    Strict,
    /// With followed links from other sites, but not with their forms, frames and scripts.
    #[default]
    Lax,
    /// With all. Every request that changes something then needs other protection against forgery:
    /// [`CsrfLayer`](crate::CsrfLayer).
    None,
}

impl SameSite {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// How long the browser keeps the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieLifetime {
    MaxAge,
    BrowserSession,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self {
            name: Cow::Borrowed("__Host-id"),
            same_site: SameSite::Lax,
            domain: None,
            path: Cow::Borrowed("/"),
            lasting: CookieLifetime::MaxAge,
            secure: true,
            partitioned: false,
            former: Vec::new(),
        }
    }
}

impl SessionCookie {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The cookie's name, 1 to 128 bytes: letters, digits and ``!#$%&'*+-.^_`|~``. `__Host-id` by default.
    ///
    /// The prefixes `__Host-` and `__Secure-`, in any case, restrict the cookie: browsers accept the former only with
    /// `Secure`, `Path=/` and no `Domain`, the latter only with `Secure`.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Cow::Owned(name.into()), ..self }
    }

    /// With which cross-site requests the cookie is sent; `Lax` by default. `None` requires `Secure`.
    pub fn same_site(self, same_site: SameSite) -> Self {
        Self { same_site, ..self }
    }

    /// Shares the cookie with all hosts under this domain; not shared by default.
    ///
    /// Requires a name without `__Host-`. Each of those hosts can then read and replace it.
    ///
    /// If you change it later, pass the old domain to [`former_place`](Self::former_place): browsers treat a cookie of
    /// another domain as another cookie, keep it for up to 400 days, and send it too.
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// Sends the cookie only under this path, 1 to 1,024 bytes from `/`; `/` by default.
    ///
    /// Not a protection: pages of one host can access each other's cookies. Requires a name without `__Host-`.
    ///
    /// If you change it later, pass the old path to [`former_place`](Self::former_place): browsers treat a cookie of
    /// another path as another cookie, keep it for up to 400 days, and send it too.
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: Cow::Owned(path.into()), ..self }
    }

    /// Omits `Max-Age`: the browser drops the cookie when it is closed, unless it restores its windows.
    ///
    /// A login can choose by [`Login::remember`](crate::Login::remember).
    pub fn browser_session(self) -> Self {
        Self { lasting: CookieLifetime::BrowserSession, ..self }
    }

    /// Omits `Secure`: anyone on the network path can read the token. Requires a name without `__Host-` and
    /// `__Secure-`.
    ///
    /// Rarely needed: every browser accepts `Secure` cookies over HTTPS, and Chromium and Firefox also from
    /// `http://localhost`.
    pub fn insecure_for_development(self) -> Self {
        Self { secure: false, ..self }
    }

    /// Separates the cookie for each site that embeds this one (CHIPS), for content shown inside other sites' pages.
    ///
    /// Each embedding site then has its own session; with `SameSite=None`, browsers that block cookies of embedded
    /// sites accept this one. Requires `Secure`. Browsers that do not support it ignore it.
    pub fn partitioned(self) -> Self {
        Self { partitioned: true, ..self }
    }

    /// Adds a former place of the cookie: another domain (`None` for the host alone) or another path; at most 4.
    ///
    /// Browsers keep the cookie of the old place for up to 400 days and send it together with the new one. A response
    /// that uses the session removes it if the request carried more than one value of the name, or if our own cookie is
    /// removed. The session's token is then set again in its current place, since only the old place may have it. A
    /// browser accepts a removal for a path from any page of the host, for a domain only from a host under it.
    ///
    /// Keep it configured for 400 days, or until log and responses show no such cookie. While servers without this
    /// setting still set the cookie in the old place, it costs such a visitor one more `Set-Cookie`, and nobody the
    /// login.
    ///
    /// ```
    /// use cloakroom::SessionCookie;
    ///
    /// let cookie = SessionCookie::new().name("__Secure-shop").domain("shop.example");
    /// let cookie = cookie.former_place(None, "/").former_place(None, "/cart");
    /// # let _ = cookie;
    /// ```
    pub fn former_place(mut self, domain: Option<&str>, path: &str) -> Self {
        self.former.push(CookieScope { domain: domain.map(str::to_owned), path: path.to_owned() });
        self
    }

    pub(crate) fn name_str(&self) -> &str {
        &self.name
    }

    /// Rejects settings that a browser would reject or interpret differently.
    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        if !is_name(&self.name) {
            let range = "1 to 128 bytes: letters, digits and !#$%&'*+-.^_`|~";
            return Err(ConfigError::out_of_range("cookie name", format!("{:?}", self.name), range));
        }
        check_domain("cookie domain", self.domain.as_deref())?;
        check_path("cookie path", &self.path)?;
        self.check_together()?;
        self.check_former()?;
        Ok(self)
    }

    fn check_former(&self) -> Result<(), ConfigError> {
        if self.former.len() > FORMER_PLACES {
            return Err(ConfigError::out_of_range("cookie former place", self.former.len().to_string(), "at most 4"));
        }
        if !self.former.is_empty() && Prefix::of(&self.name) == Prefix::Host {
            let why = "a `__Host-` cookie always had `Path=/` and no `Domain`: it has no former place";
            return Err(ConfigError::new("cookie former place", &self.name, why));
        }
        for place in &self.former {
            check_domain("cookie former place", place.domain.as_deref())?;
            check_path("cookie former place", &place.path)?;
            if place.is(self.domain.as_deref(), &self.path) {
                let why = "is the cookie's present place: its removal would remove the cookie";
                return Err(ConfigError::new("cookie former place", &place.path, why));
            }
        }
        Ok(())
    }

    fn check_together(&self) -> Result<(), ConfigError> {
        let refuse = |why| Err(ConfigError::new("cookie name", &self.name, why));
        let prefix = Prefix::of(&self.name);
        match (prefix, self.secure, &self.domain) {
            (Prefix::Host | Prefix::Secure, false, _) => refuse("this prefix needs `Secure`; choose a name without it"),
            (Prefix::Host, true, Some(_)) => refuse("this prefix forbids `Domain`; `__Secure-` allows it"),
            (Prefix::Host, true, None) if self.path != "/" => {
                refuse("this prefix needs `Path=/`; `__Secure-` does not")
            }
            _ if self.same_site == SameSite::None && !self.secure => {
                Err(ConfigError::new("cookie same-site", "None", "needs `Secure`"))
            }
            _ if self.partitioned && !self.secure => {
                Err(ConfigError::new("cookie partitioned", "set", "needs `Secure`"))
            }
            _ => Ok(()),
        }
    }
}

impl CookieScope {
    /// Browsers compare domains case-insensitively, paths byte for byte.
    fn is(&self, domain: Option<&str>, path: &str) -> bool {
        let same_domain = match (&self.domain, domain) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same_domain && self.path == path
    }
}

fn check_domain(setting: &'static str, domain: Option<&str>) -> Result<(), ConfigError> {
    match domain.filter(|domain| !is_domain(domain)) {
        Some(bad) => Err(ConfigError::out_of_range(setting, format!("{bad:?}"), "a host name, without a dot in front")),
        None => Ok(()),
    }
}

fn check_path(setting: &'static str, path: &str) -> Result<(), ConfigError> {
    if is_path(path) {
        return Ok(());
    }
    let range = "1 to 1024 visible ASCII characters but `;`, from `/` on";
    Err(ConfigError::out_of_range(setting, format!("{path:?}"), range))
}

/// The restriction by a name's prefix; browsers compare it case-insensitively (RFC 6265bis, 5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Host,
    Secure,
    None,
}

impl Prefix {
    fn of(name: &str) -> Self {
        let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        match () {
            () if begins("__Host-") => Self::Host,
            // `__Http-` also requires `HttpOnly`, which ours always has.
            () if begins("__Secure-") || begins("__Http-") => Self::Secure,
            () => Self::None,
        }
    }
}

/// A token of RFC 9110, 5.6.2, as RFC 6265 requires.
fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(legal)
}

fn is_domain(domain: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(legal) && !label.starts_with('-') && !label.ends_with('-')
    };
    domain.len() <= DOMAIN_BYTES && domain.split('.').all(label)
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= PATH_BYTES
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie() -> SessionCookie {
        SessionCookie::new()
    }

    #[test]
    fn combinations_that_browsers_accept_are_accepted() {
        for fine in [
            cookie(),
            cookie().name("id").insecure_for_development(),
            cookie().name("id").path("/shop").domain("shop.example").browser_session(),
            cookie().name("__Secure-id").path("/shop").domain("a.shop.example"),
            cookie().same_site(SameSite::None),
            cookie().same_site(SameSite::None).partitioned(),
            cookie().name("a".repeat(128)),
        ] {
            assert_eq!(fine.clone().checked(), Ok(fine));
        }
    }

    #[test]
    fn combinations_that_browsers_reject_are_errors() {
        for (bad, setting) in [
            (cookie().domain("shop.example"), "cookie name"),
            (cookie().path("/shop"), "cookie name"),
            (cookie().insecure_for_development(), "cookie name"),
            (cookie().name("__hOST-id").insecure_for_development(), "cookie name"),
            (cookie().name("__Secure-id").insecure_for_development(), "cookie name"),
            (cookie().name("__SECURE-id").insecure_for_development(), "cookie name"),
            (cookie().name("__Http-id").insecure_for_development(), "cookie name"),
            (cookie().name("id").same_site(SameSite::None).insecure_for_development(), "cookie same-site"),
            (cookie().name("id").partitioned().insecure_for_development(), "cookie partitioned"),
        ] {
            let refused = bad.clone().checked().map_err(|error| error.setting());
            assert_eq!(refused, Err(setting), "{bad:?}");
        }
    }

    #[test]
    fn a_former_place_is_checked_like_the_present_one() {
        let sid = || cookie().name("sid").path("/shop").domain("shop.example");
        let four = sid().former_place(None, "/shop").former_place(None, "/").former_place(Some("shop.example"), "/");
        let four = four.former_place(Some("www.shop.example"), "/shop");
        assert_eq!(four.clone().checked(), Ok(four.clone()));
        for bad in [
            four.former_place(None, "/fifth"),
            sid().former_place(Some("shop.example"), "/shop"),
            sid().former_place(Some("Shop.Example"), "/shop"),
            cookie().name("sid").former_place(None, "/"),
            sid().former_place(Some(".shop.example"), "/"),
            sid().former_place(None, "shop"),
            sid().former_place(None, "/a;b"),
            cookie().former_place(None, "/shop"),
            cookie().name("__hOST-id").former_place(Some("shop.example"), "/"),
        ] {
            let refused = bad.clone().checked().map_err(|error| error.setting());
            assert_eq!(refused, Err("cookie former place"), "{bad:?}");
        }
    }

    #[test]
    fn parts_that_are_not_well_formed_are_errors() {
        for name in ["", "a b", "a=b", "a;b", "é", "a\r\nb", "\"a\"", &"a".repeat(129)] {
            assert!(cookie().name(name).checked().is_err(), "{name}");
        }
        for domain in ["", ".shop.example", "shop.example.", "a..b", "-a.b", "shop example", "a;b", &"a".repeat(254)] {
            assert!(cookie().name("id").domain(domain).checked().is_err(), "{domain}");
        }
        for path in ["", "shop", "/a;b", "/a\r\n", "/é", "/a b", &"/".repeat(1025)] {
            assert!(cookie().name("id").path(path).checked().is_err(), "{path}");
        }
    }
}
