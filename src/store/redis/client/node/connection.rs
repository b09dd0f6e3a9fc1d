//! The connections of requests to one server: opening one, and its health.

#[cfg(feature = "tls")]
use std::io;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline, ProtocolVersion,
    RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind, Value,
};
#[cfg(feature = "tls")]
use redis::{ClientTlsConfig, TlsCertificates};
use tokio::time::Instant;
#[cfg(feature = "tls")]
use tokio_rustls::TlsConnector;

use crate::config::ConfigError;
use crate::config::servers::{Addr, Server};
use crate::store::redis::client::budget::{
    CONNECTION_TIMEOUT, KEEPALIVE, KEEPALIVE_INTERVAL, REPLICA_KEPT, RESPONSE_TIMEOUT, ROLE_CHECK_INTERVAL,
};
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::node::clock::{ServerClock, read_time};
use crate::store::redis::client::node::multiplexed::Multiplexed;
use crate::store::redis::client::node::transport::Connection;
use crate::store::redis::client::protocol::handshake::connect;
use crate::store::redis::client::topology::failovers::{Failovers, Identity};

/// After this number of late replies in a row a connection is given up.
pub(crate) const TIMEOUTS: u32 = 3;

/// Opens connections to one server.
#[derive(Clone)]
pub(crate) struct Connector {
    server: Server,
    client: Client,
    identity: Identity,
    role: Role,
    /// Set by the first connection: the certificates of the platform are read from many files.
    #[cfg(feature = "tls")]
    tls: OnceLock<TlsConnector>,
}

impl Connector {
    pub(crate) fn new(server: &Server, role: Role, failovers: &Failovers) -> Result<Self, ConfigError> {
        let client = client(server).map_err(|error| ConfigError::new("url", "of the store", error))?;
        Ok(Self {
            server: server.clone(),
            client,
            identity: Identity::new(failovers),
            role,
            #[cfg(feature = "tls")]
            tls: OnceLock::new(),
        })
    }

    pub(crate) fn info(&self) -> ConnectionInfo {
        self.client.get_connection_info().clone()
    }

    /// Opens a connection and sets the clock, so a connection that is returned has replied once.
    ///
    /// `ended` is called in the runtime when the connection ends.
    pub(crate) async fn connect(
        &self,
        clock: &ServerClock,
        ended: impl FnOnce() + Send + 'static,
    ) -> RedisResult<NodeConnection> {
        let broken = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&broken);
        let multiplexed = connect(self, move || {
            flag.store(true, Ordering::Relaxed);
            ended();
        })
        .await?;
        let mut connection = Connection::from(multiplexed.clone());
        clock.measure(&mut connection).await?;
        let asked = clock.elapsed();
        let is_replica = self.identity.look(&mut connection).await;
        if self.role == Role::Master && is_replica == Some(true) {
            return Err(replica());
        }
        let opened = NodeConnection {
            multiplexed,
            broken,
            timeouts: AtomicU32::new(0),
            made: Instant::now(),
            check: AtomicU64::new(0),
        };
        if is_replica.is_some() {
            opened.checked(asked);
        }
        Ok(opened)
    }

    /// Whether a call of bulk work has to check its connection, which is seldom used, first.
    pub(crate) fn has_questions(&self, clock: &ServerClock) -> bool {
        self.role == Role::Master || clock.is_due()
    }

    /// Asks for the time, and whether the server is still a master. Fails as [`CallError::is_from_replica`] if it is
    /// not.
    ///
    /// A server that does not permit the question, or a proxy that does not support it, counts as a master.
    pub(crate) async fn check(&self, connection: &mut Connection, clock: &ServerClock) -> Result<(), CallError> {
        let mut questions = Pipeline::new();
        questions.cmd("TIME");
        if self.role == Role::Master {
            questions.cmd("ROLE");
        }
        let sent = clock.elapsed();
        let answers = connection.send_packed_commands(&questions).await.map_err(CallError::calling)?;
        if let Some(now) = answers.first().and_then(read_time) {
            clock.set(now, sent.midpoint(clock.elapsed()));
        }
        if answers.get(1).is_some_and(is_replica) { Err(CallError::replaced(replica())) } else { Ok(()) }
    }

    pub(crate) const fn server(&self) -> &Server {
        &self.server
    }

    /// The TLS connector, if the settings of the server ask for TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn tls(&self) -> RedisResult<Option<TlsConnector>> {
        let Some(tls) = &self.server.credentials.tls else { return Ok(None) };
        if let Some(ready) = self.tls.get() {
            return Ok(Some(ready.clone()));
        }
        let config = tls.client_config().map_err(io::Error::other)?;
        Ok(Some(self.tls.get_or_init(|| Arc::new(config).into()).clone()))
    }
}

/// The client of the redis crate, which opens no connection by itself.
pub(crate) fn client(server: &Server) -> RedisResult<Client> {
    let info = info(server)?;
    #[cfg(feature = "tls")]
    if let Some(tls) = &server.credentials.tls {
        let client_tls = tls
            .client
            .as_ref()
            .map(|client| ClientTlsConfig { client_cert: client.certificate.clone(), client_key: client.key.to_vec() });
        return Client::build_with_tls(info, TlsCertificates { client_tls, root_cert: tls.roots.clone() });
    }
    Client::open(info)
}

fn info(server: &Server) -> RedisResult<ConnectionInfo> {
    let credentials = &server.credentials;
    let address = match &server.addr {
        #[cfg(feature = "tls")]
        Addr::Tcp { host, port } if credentials.tls.is_some() => {
            let insecure = credentials.tls.as_ref().is_some_and(|tls| tls.unverified);
            ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure, tls_params: None }
        }
        Addr::Tcp { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
        Addr::Unix { path } => ConnectionAddr::Unix(path.into()),
    };
    // No `CLIENT SETINFO`: the user would need a permission for it, and Redis 7.0 does not know it.
    let mut login = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_db(credentials.db.into())
        .set_skip_set_lib_name();
    if let Some(user) = &credentials.user {
        login = login.set_username(user);
    }
    if let Some(password) = &credentials.password {
        login = login.set_password(password);
    }
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    Ok(address.into_connection_info()?.set_redis_settings(login).set_tcp_settings(tcp))
}

/// No concurrency limit: the wait for its permits is not under the response timeout, so it could exceed a budget.
pub(crate) fn settings() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECTION_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
}

/// The role that a server must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Master,
    /// A node of a Cluster redirects the calls for keys that another node owns.
    Any,
}

/// Whether this reply to `ROLE` comes from a replica.
fn is_replica(role: &Value) -> bool {
    matches!(role, Value::Array(parts) if parts.first() == Some(&Value::BulkString(b"slave".to_vec())))
}

fn replica() -> RedisError {
    (ServerErrorKind::ReadOnly.into(), "the server is a replica").into()
}

/// A connection, and the state of its health.
pub(crate) struct NodeConnection {
    multiplexed: Multiplexed,
    /// Set when the connection ends, in use or idle.
    broken: Arc<AtomicBool>,
    /// Late replies since the last one in time.
    timeouts: AtomicU32,
    made: Instant,
    /// When to ask again whether the server is a master, by the clock of the node.
    check: AtomicU64,
}

impl NodeConnection {
    pub(crate) fn is_open(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }

    pub(crate) fn handle(&self) -> Connection {
        self.multiplexed.clone().into()
    }

    /// Whether the caller must ask if the server is a master. Returns true to one caller, and to another one if that
    /// one gets no reply.
    pub(crate) fn claims_check(&self, now: u64) -> bool {
        let due = self.check.load(Ordering::Relaxed);
        due <= now && {
            let again = now + RESPONSE_TIMEOUT.as_millis() as u64;
            self.check.compare_exchange(due, again, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        }
    }

    /// Records that the server was a master, or did not say, when it was asked at this time.
    pub(crate) fn checked(&self, asked: u64) {
        self.check.store(asked + ROLE_CHECK_INTERVAL.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) {
        // Loaded first: a store at every reply would take the cache line from the other threads.
        if self.timeouts.load(Ordering::Relaxed) != 0 {
            self.timeouts.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a late reply; returns whether the limit is reached.
    pub(crate) fn is_late(&self) -> bool {
        self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS
    }

    /// The server says that it is a replica. Returns whether the connection is old enough to be given up.
    pub(crate) fn is_shown_a_replica(&self) -> bool {
        self.check.store(0, Ordering::Relaxed);
        self.made.elapsed() >= REPLICA_KEPT
    }

    pub(crate) fn give_up(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }
}
