//! The builder of `Sessions`. All settings are checked once, before any I/O.

use std::fmt;
use std::time::Duration;

use crate::config::binding::ClientBinding;
use crate::config::limits::{Limits, check_field_name};
use crate::config::timeouts::Timeouts;
#[cfg(feature = "tls")]
use crate::config::tls::Tls;
use crate::config::url::StoreUrl;
use crate::config::{Cap, ConfigError, Pools, Settings};
use crate::error::Outage;
use crate::sessions::Sessions;
use crate::store::memory::Memory;
use crate::store::redis::Redis;
use crate::store::{Store, StoreSettings};
use crate::util::clock::ManualClock;

/// Collects the settings of [`Sessions`]; made by [`Sessions::builder`].
///
/// Every setting but the namespace has a default. All are checked by `connect` and `connect_lazy`, before any I/O.
#[derive(Clone)]
#[must_use = "call `connect` or `connect_lazy`"]
pub struct Builder {
    url: String,
    namespace: Option<String>,
    timeouts: Timeouts,
    timeouts_given: bool,
    cap: Cap,
    limits: Limits,
    remember_ended: Duration,
    expiry_grace: Duration,
    connections: usize,
    bulk_connections: usize,
    in_flight: usize,
    budget: Duration,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    clock: Option<ManualClock>,
    binding: ClientBinding,
    eviction_allowed: bool,
    /// Whether one server is used like the slots of a Redis Cluster, and while all slots move: for tests.
    pub(crate) sharded: bool,
    pub(crate) resharding: bool,
}

impl fmt::Debug for Builder {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("namespace", &self.namespace)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            namespace: None,
            timeouts: Timeouts::default(),
            timeouts_given: false,
            cap: Cap::default(),
            limits: Limits::default(),
            remember_ended: Duration::from_secs(60 * 60),
            expiry_grace: Duration::ZERO,
            connections: 2,
            bulk_connections: 4,
            in_flight: 4_096,
            budget: Duration::from_secs(3),
            #[cfg(feature = "tls")]
            tls: None,
            clock: None,
            binding: ClientBinding::default(),
            eviction_allowed: false,
            sharded: false,
            resharding: false,
        }
    }

    /// The first part of every key: 1 to 64 bytes of `[A-Za-z0-9_.-]`. Each application that shares a Redis needs its
    /// own.
    ///
    /// There is no default, so that two applications never share one by accident.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The timeouts of new sessions; 30 minutes idle and 12 hours absolute by default. A session keeps the timeouts
    /// that it was created with.
    ///
    /// The [drop-in stores](crate::compat) have no default: the application's own expiry applies alone, unless this is
    /// called. Then a session ends at whichever comes first.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self.timeouts_given = true;
        self
    }

    /// The limit of sessions per user; 100 by default, evicting the earliest login. Applies from each user's next
    /// login.
    pub const fn cap(mut self, cap: Cap) -> Self {
        self.cap = cap;
        self
    }

    /// The size limits of stored data.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long the reason of an ended session is kept: 5 minutes to 30 days, 1 hour by default.
    ///
    /// Each session keeps it for up to a tenth longer, depending on its id, so that sessions ended together do not
    /// expire together, which would block Redis.
    ///
    /// Costs about 200 bytes of Redis memory for each such session. At least 5 minutes, because the repeat of a call
    /// whose reply was lost must find it.
    pub const fn remember_ended(mut self, time: Duration) -> Self {
        self.remember_ended = time;
        self
    }

    /// How long an expired session is kept after its deadline, so that a sweeper can end it and the application can
    /// show "expired": 0 to 24 hours, 0 by default.
    ///
    /// With 0, the key's own expiry is the deadline, an expired session is unknown, and a load is one `HGETALL`.
    /// Otherwise a load is `PTTL` and `HGETALL` in one round trip, which costs some throughput. Use a few sweep
    /// intervals. A session keeps the grace that it was created with.
    pub const fn expiry_grace(mut self, time: Duration) -> Self {
        self.expiry_grace = time;
        self
    }

    /// Number of connections shared by requests: 1 to 64, 2 by default. One task serves one connection and can saturate
    /// in a busy process.
    pub const fn connections(mut self, count: usize) -> Self {
        self.connections = count;
        self
    }

    /// Limit of connections for bulk work (sweeping and mass revocation): 1 to 64, 4 by default. They are opened on
    /// demand.
    pub const fn bulk_connections(mut self, count: usize) -> Self {
        self.bulk_connections = count;
        self
    }

    /// Limit of this process's requests in flight per server: 1 to 1,000,000, 4,096 by default. Calls above the limit
    /// fail immediately with [`Error::Unavailable`](crate::Error::Unavailable) (load shedding), which protects a slow
    /// server and this process.
    ///
    /// A server that processes 200,000 requests a second completes the default in 20 ms; a longer queue would only
    /// delay replies. In a Redis Cluster the limit applies to each node.
    pub const fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests;
        self
    }

    /// Certificates for a `rediss:` URL; an error with any other. Without it, such a URL trusts the platform's
    /// certificate authorities.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Time limit of one operation, retries included: 100 ms to 30 s, 3 s by default. That is longer than a reconnect
    /// takes and shorter than a visitor waits.
    pub const fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Whether a session is bound to its client's address; not by default.
    pub const fn client_binding(mut self, binding: ClientBinding) -> Self {
        self.binding = binding;
        self
    }

    /// A manual clock for tests on the embedded store. An error with any other store.
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Accepts servers that evict keys at full memory, although that voids guarantees: [`doctor`](Sessions::doctor)
    /// then reports a warning instead of an error. For caches that may lose sessions.
    ///
    /// An eviction can remove a revocation or a tombstone (an ended session opens again), a user's index (its sessions
    /// are not listed, not capped, and survive "sign out everywhere"), or sessions.
    pub const fn dangerously_allow_eviction(mut self) -> Self {
        self.eviction_allowed = true;
        self
    }

    /// Checks the settings, connects, and checks the server.
    ///
    /// # Errors
    /// [`ConnectError`] says which setting is invalid, or why the server cannot be used.
    ///
    /// # Redis
    /// The connections' handshakes, `TIME`, `INFO`; of a Cluster, `CLUSTER SLOTS`; of Sentinels, `SENTINEL
    /// GET-MASTER-ADDR-BY-NAME`, `SENTINEL SENTINELS`, `SUBSCRIBE +switch-master`, and of their master `ROLE`.
    pub async fn connect(self) -> Result<Sessions, ConnectError> {
        let sessions = self.connect_lazy()?;
        if let Store::Redis(redis) = sessions.store() {
            redis.check().await.map_err(ConnectError::Unavailable)?;
        }
        Ok(sessions)
    }

    /// Checks the settings without I/O; the first call that needs the server connects.
    ///
    /// # Errors
    /// [`ConfigError`] says which setting is invalid.
    pub fn connect_lazy(self) -> Result<Sessions, ConfigError> {
        let url = self.store_url()?;
        let namespace =
            self.namespace.clone().ok_or_else(|| ConfigError::new("namespace", "none", "required, no default"))?;
        check_field_name(&namespace)
            .map_err(|_| ConfigError::out_of_range("namespace", &namespace, "1 to 64 bytes of [A-Za-z0-9_.-]"))?;
        let settings = Settings {
            lifetimes: self.timeouts.checked()?,
            timeouts_given: self.timeouts_given,
            cap: self.cap.checked()?,
            limits: self.limits.checked()?,
            grace_ms: within("expiry grace", self.expiry_grace, Duration::ZERO, 24 * 60 * 60)?.as_millis() as u32,
            binding: self.binding.checked()?,
        };
        let remember =
            within("remembering ended sessions", self.remember_ended, Duration::from_secs(300), 30 * 24 * 60 * 60)?;
        let store = StoreSettings { namespace, limits: settings.limits, remember_ms: remember.as_millis() as u64 };
        let pools = Pools {
            connections: count("connections", self.connections, 64)?,
            bulk_connections: count("bulk connections", self.bulk_connections, 64)?,
            in_flight: count("requests in flight", self.in_flight, 1_000_000)?,
            budget: within("budget", self.budget, Duration::from_millis(100), 30)?,
        };
        let store = match (url, self.clock) {
            (StoreUrl::Memory, clock) => Store::Memory(Box::new(Memory::new(store, clock))),
            (StoreUrl::Redis(_), Some(_)) => {
                return Err(ConfigError::new("clock", "set", "allowed for `memory:` only: Redis uses its own clock"));
            }
            (StoreUrl::Redis(servers), None) => Store::Redis(
                Redis::new(store, &servers, &pools)?
                    .allow_eviction(self.eviction_allowed)
                    .sharded(self.sharded)
                    .resharding(self.resharding)
                    .shared(),
            ),
        };
        Ok(Sessions::new(store, settings))
    }
}

impl Builder {
    #[cfg(not(feature = "tls"))]
    fn store_url(&self) -> Result<StoreUrl, ConfigError> {
        StoreUrl::parse(&self.url)
    }

    #[cfg(feature = "tls")]
    fn store_url(&self) -> Result<StoreUrl, ConfigError> {
        let mut url = StoreUrl::parse(&self.url)?;
        if let Some(tls) = &self.tls {
            let StoreUrl::Redis(servers) = &mut url else {
                return Err(ConfigError::new("TLS", "set", "allowed for `rediss:` URLs only"));
            };
            if !servers.set_tls(tls) {
                return Err(ConfigError::new(
                    "TLS",
                    "set",
                    "allowed for `rediss:` URLs only: this URL's scheme has one s",
                ));
            }
        }
        if let StoreUrl::Redis(servers) = &url
            && let Some(tls) = servers.tls()
        {
            tls.checked()?;
        }
        Ok(url)
    }
}

fn within(setting: &'static str, value: Duration, least: Duration, most_secs: u64) -> Result<Duration, ConfigError> {
    let most = Duration::from_secs(most_secs);
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::out_of_range(setting, format!("{value:?}"), format!("{least:?} to {most:?}")))
    }
}

fn count(setting: &'static str, value: usize, most: usize) -> Result<usize, ConfigError> {
    let range = 1..=most;
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::out_of_range(setting, value, format!("1 to {most}")))
    }
}

/// Why [`connect`](Builder::connect) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server cannot be reached or used.
    #[error(transparent)]
    Unavailable(Outage),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, with: impl FnOnce(Builder) -> Builder) -> Option<&'static str> {
        with(Builder::new(url).namespace("shop")).connect_lazy().err().map(|error| error.setting())
    }

    #[tokio::test]
    async fn settings_out_of_range_are_refused_before_any_io() {
        let of = |with: fn(Builder) -> Builder| refused("memory:", with);
        let ms = Duration::from_millis;
        assert_eq!(of(|with| with), None);
        for namespace in ["", "a:b", "{a}", "a b", &"a".repeat(65)] {
            assert_eq!(refused("memory:", |with| with.namespace(namespace)), Some("namespace"), "{namespace}");
        }
        assert_eq!(Builder::new("memory:").connect_lazy().err().map(|error| error.setting()), Some("namespace"));
        for most in [0, 257] {
            assert!(refused("memory:", |with| with.cap(Cap::reject(most))).is_some(), "{most}");
        }
        assert!(of(|with| with.limits(Limits::new().fields(0))).is_some());
        assert_eq!(of(|with| with.timeouts(Timeouts::new().idle(Duration::ZERO))), Some("idle timeout"));
        for count in [0, 65] {
            assert_eq!(refused("memory:", |with| with.connections(count)), Some("connections"));
            assert_eq!(refused("memory:", |with| with.bulk_connections(count)), Some("bulk connections"));
        }
        for count in [0, 1_000_001] {
            assert_eq!(refused("memory:", |with| with.in_flight(count)), Some("requests in flight"));
        }
        for time in [ms(299_999), ms(30 * 86_400_000 + 1)] {
            assert_eq!(refused("memory:", |with| with.remember_ended(time)), Some("remembering ended sessions"));
        }
        assert_eq!(refused("memory:", |with| with.expiry_grace(ms(86_400_001))), Some("expiry grace"));
        for (v4, v6) in [(0, 64), (33, 64), (24, 0), (24, 129)] {
            let binding = ClientBinding::flag().prefixes(v4, v6);
            assert_eq!(refused("memory:", |with| with.client_binding(binding)), Some("client binding"), "{v4} {v6}");
        }
        for budget in [ms(99), ms(30_001)] {
            assert_eq!(refused("memory:", |with| with.budget(budget)), Some("budget"));
        }
    }

    #[tokio::test]
    async fn a_clock_is_for_the_embedded_store_only() {
        assert_eq!(refused("redis://127.0.0.1:1", |with| with.clock(ManualClock::new())), Some("clock"));
        assert_eq!(refused("redis://127.0.0.1:1", |with| with), None);
    }

    #[cfg(feature = "tls")]
    #[tokio::test]
    async fn certificates_are_for_tls_only_and_are_read_before_any_io() {
        for url in ["memory:", "redis://127.0.0.1:1", "redis-cluster://127.0.0.1:1", "redis+unix:///s"] {
            assert_eq!(refused(url, |with| with.tls(Tls::new())), Some("TLS"), "{url}");
        }
        for url in ["rediss://127.0.0.1:1", "rediss-cluster://127.0.0.1:1", "rediss-sentinel://127.0.0.1:1/main"] {
            assert_eq!(refused(url, |with| with), None, "{url}");
            assert_eq!(refused(url, |with| with.tls(Tls::new())), None, "{url}");
            assert_eq!(refused(url, |with| with.tls(Tls::new().root_certificate("none"))), Some("TLS"), "{url}");
        }
    }
}
