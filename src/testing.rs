//! Test utilities for applications.

use std::fmt;
use std::time::Duration;

use crate::config::ConfigError;
use crate::error::Error;
use crate::identity::client::ClientInfo;
use crate::session::Session;
use crate::session::load::candidates;
use crate::session::load::candidates::Candidates;
use crate::session::login_request::{Login, LoginOutcome};
use crate::sessions::Sessions;
use crate::sessions::builder::Builder;
use crate::util::clock::ManualClock;

/// Sessions for an application's tests: embedded, with a manual clock, for any framework.
///
/// Requires the feature `test-util`, for `[dev-dependencies]` only: `cloakroom = { version = "0.1", features =
/// ["test-util"] }` in addition to the line under `[dependencies]`.
///
/// Build the application on [`sessions`](Self::sessions), send requests with the `Cookie` header from
/// [`user`](Self::user) or [`guest`](Self::guest), and pass the response's headers to [`cookie_of`](Self::cookie_of) to
/// get the cookie that a browser would keep.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use cloakroom::{TestCookie, TestKit};
/// use std::time::Duration;
///
/// let kit = TestKit::new();
/// let cookie = kit.user("ada").await;
/// assert_eq!(kit.open(&cookie).await?.user().as_deref(), Some("ada"));
///
/// kit.advance(Duration::from_secs(60 * 60));
/// assert_eq!(kit.open(&cookie).await?.user(), None);
///
/// assert_eq!(kit.cookie_of(["theme=dark", "__Host-id=; Max-Age=0"]), TestCookie::Removed);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct TestKit {
    sessions: Sessions,
    clock: ManualClock,
    cookie: String,
}

/// Uses one server as a Redis Cluster is used, for this crate's own tests.
#[doc(hidden)]
pub trait AsCluster {
    /// Each bucket counts as a slot of another server: a login over another bucket's session runs in several scripts.
    #[must_use]
    fn across_slots(self) -> Self;

    /// All slots count as moving: each session is ended by its key alone.
    #[must_use]
    fn while_resharding(self) -> Self;
}

impl AsCluster for Builder {
    fn across_slots(mut self) -> Self {
        self.sharded = true;
        self
    }

    fn while_resharding(mut self) -> Self {
        self.resharding = true;
        self
    }
}

/// What a response does to a browser's cookie.
#[derive(Clone, PartialEq, Eq)]
pub enum TestCookie {
    /// No change.
    Kept,
    /// The browser sends this value of the `Cookie` header from now on.
    Set(String),
    /// The browser no longer sends the cookie.
    Removed,
}

impl fmt::Debug for TestCookie {
    /// Without the token: output of tests is logged too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "Kept",
            Self::Set(_) => "Set(..)",
            Self::Removed => "Removed",
        })
    }
}

impl TestKit {
    /// Sessions with the default settings, for the default cookie.
    ///
    /// # Panics
    /// Never: the default settings are valid.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|builder| builder).expect("the default settings are good")
    }

    /// Sessions with these settings.
    ///
    /// # Errors
    /// [`ConfigError`] for a setting that is out of range.
    pub fn with(settings: impl FnOnce(Builder) -> Builder) -> Result<Self, ConfigError> {
        let clock = ManualClock::new();
        let builder = Sessions::builder("memory:").namespace("test").clock(clock.clone());
        Ok(Self { sessions: settings(builder).connect_lazy()?, clock, cookie: "__Host-id".to_owned() })
    }

    /// Sets the cookie's name, `__Host-id` by default.
    #[must_use]
    pub fn cookie_name(self, name: impl Into<String>) -> Self {
        Self { cookie: name.into(), ..self }
    }

    /// The sessions for the application under test.
    #[must_use]
    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Logs this user in on a new device; returns its `Cookie` header: `__Host-id=..`.
    ///
    /// # Panics
    /// If the login is rejected: a user id out of range, or a cap that rejects.
    pub async fn user(&self, user: &str) -> String {
        self.user_with(Login::new(user), |_| Ok(())).await
    }

    /// The same with the given login; `fill` then fills the session.
    ///
    /// # Panics
    /// If the login or a write of `fill` is rejected.
    pub async fn user_with(&self, login: Login, fill: impl FnOnce(&Session) -> Result<(), Error> + Send) -> String {
        let session = self.draft().await;
        let outcome = session.login(login).await;
        assert!(matches!(outcome, Ok(LoginOutcome::As(_))), "the login is refused: {outcome:?}");
        self.filled(session, fill).await
    }

    /// Creates a guest session filled by `fill`; returns its `Cookie` header.
    ///
    /// # Panics
    /// If a write of `fill` is rejected.
    pub async fn guest(&self, fill: impl FnOnce(&Session) -> Result<(), Error> + Send) -> String {
        let session = self.draft().await;
        session.set_dirty(true);
        self.filled(session, fill).await
    }

    /// The session of a `Cookie` header, as stored now; not a use of it. Of several values of the name, at most four
    /// well-formed ones are tried, as in the layer.
    ///
    /// # Errors
    /// As [`Sessions::peek`]; the embedded store is always available.
    pub async fn open(&self, cookie: &str) -> Result<Session, Error> {
        let pairs = cookie.split(';').filter_map(|pair| pair.trim().split_once('='));
        let values = pairs.filter(|(name, _)| *name == self.cookie).map(|(_, value)| value.as_bytes());
        let opened = candidates::peek(&self.sessions, &Candidates::among(values), ClientInfo::new()).await?;
        Ok(opened.session)
    }

    /// The effect on a browser of a response's `Set-Cookie` values. Removals from former places are ignored if a value
    /// sets the cookie; otherwise they count as removals of the cookie itself.
    ///
    /// # Panics
    /// If the values set our cookie twice; our layers never do.
    pub fn cookie_of<V: AsRef<[u8]>>(&self, set_cookie: impl IntoIterator<Item = V>) -> TestCookie {
        let values = set_cookie.into_iter().map(|value| String::from_utf8_lossy(value.as_ref()).into_owned());
        let ours = |value: &String| value.split_once('=').is_some_and(|(name, _)| name == self.cookie);
        let removes = |line: &String| line.split(';').any(|part| part.trim().eq_ignore_ascii_case("Max-Age=0"));
        let (removals, sets): (Vec<_>, Vec<_>) = values.filter(ours).partition(removes);
        assert!(sets.len() <= 1, "the cookie is set twice");
        match sets.first() {
            Some(line) => TestCookie::Set(line.split(';').next().unwrap_or_default().to_owned()),
            None if removals.is_empty() => TestCookie::Kept,
            None => TestCookie::Removed,
        }
    }

    async fn draft(&self) -> Session {
        self.sessions.open(None, ClientInfo::new()).await.expect("a draft takes no store")
    }

    async fn filled(&self, session: Session, fill: impl FnOnce(&Session) -> Result<(), Error> + Send) -> String {
        let saved = match fill(&session) {
            Ok(()) => session.save().await.and_then(crate::SaveOutcome::into_result),
            Err(error) => Err(error),
        };
        assert!(saved.is_ok(), "what is filled in is refused: {saved:?}");
        let token = session.token().expect("a new session has a token");
        format!("{}={}", self.cookie, token.reveal().as_str())
    }
}

impl Default for TestKit {
    fn default() -> Self {
        Self::new()
    }
}
