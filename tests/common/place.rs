//! The Redis of a test, chosen by `CLOAKROOM_SERVER`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cloakroom::{Builder, Sessions};
use redis::aio::MultiplexedConnection;

use super::acl;
use super::cluster::Cluster;
use super::sentinel::Sentinels;
use super::server::Server;
use super::tls::TlsServer;

/// Servers that together hold the sessions.
#[derive(Clone)]
pub(crate) enum Place {
    /// One server.
    Alone(Arc<Server>),
    /// One server, as a user with no more permissions than the guide's line.
    Restricted(Arc<Server>),
    /// One server that speaks TLS, and its certificates.
    Tls(Arc<TlsServer>),
    Cluster(Arc<Cluster>),
    Sentinels(Arc<Sentinels>),
    /// A server that is running already.
    Elsewhere(String),
}

impl Place {
    /// The place that the variable names: `standalone`, which is the default, `acl`, `cluster`, `sentinel`, `tls`, or a
    /// URL.
    pub(crate) fn chosen() -> Self {
        static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
        static TLS: OnceLock<Arc<TlsServer>> = OnceLock::new();
        static SENTINELS: OnceLock<Arc<Sentinels>> = OnceLock::new();
        let chosen = std::env::var("CLOAKROOM_SERVER").unwrap_or_else(|_| "standalone".into());
        match chosen.as_str() {
            "standalone" => Self::Alone(Server::shared()),
            "acl" => Self::Restricted(Server::shared()),
            // Started once: these take seconds. They end with the test program all the same.
            "cluster" => Self::Cluster(Arc::clone(CLUSTER.get_or_init(|| Arc::new(Cluster::start(3, 0))))),
            "sentinel" => Self::Sentinels(Arc::clone(SENTINELS.get_or_init(|| Arc::new(Sentinels::start())))),
            "tls" => Self::Tls(Arc::clone(TLS.get_or_init(|| Arc::new(TlsServer::start("no"))))),
            url if url.contains("://") => Self::Elsewhere(chosen),
            other => panic!("CLOAKROOM_SERVER={other}: no such server; place.rs names them"),
        }
    }

    /// The same, with servers that nobody else uses.
    pub(crate) fn own() -> Self {
        match Self::chosen() {
            Self::Alone(_) => Self::Alone(Arc::new(Server::start(&[]))),
            Self::Restricted(_) => Self::Restricted(Arc::new(Server::start(&[]))),
            Self::Tls(_) => Self::Tls(Arc::new(TlsServer::start("no"))),
            Self::Cluster(_) => Self::Cluster(Arc::new(Cluster::start(3, 0))),
            Self::Sentinels(_) => Self::Sentinels(Arc::new(Sentinels::start())),
            Self::Elsewhere(url) => panic!("{url} is not ours alone"),
        }
    }

    /// The servers that accept writes.
    pub(crate) fn servers(&self) -> Vec<&Server> {
        match self {
            Self::Alone(server) | Self::Restricted(server) => vec![server],
            Self::Tls(server) => vec![&server.server],
            Self::Cluster(cluster) => cluster.nodes().iter().map(AsRef::as_ref).collect(),
            Self::Sentinels(group) => vec![group.master()],
            Self::Elsewhere(url) => panic!("{url} cannot be watched"),
        }
    }

    /// A handle's builder for this namespace.
    pub(crate) fn builder(&self, namespace: &str) -> Builder {
        let url = match self {
            Self::Tls(server) => return server.builder().namespace(namespace),
            Self::Alone(server) => server.url(),
            Self::Restricted(server) => acl::login(server, namespace),
            Self::Cluster(cluster) => cluster.url(),
            Self::Sentinels(group) => group.url(),
            Self::Elsewhere(url) => url.clone(),
        };
        Sessions::builder(url).namespace(namespace)
    }

    /// A plain connection to each server that accepts writes, with all permissions.
    pub(crate) async fn masters(&self) -> Vec<MultiplexedConnection> {
        match self {
            Self::Alone(server) | Self::Restricted(server) => vec![server.connection().await],
            Self::Tls(server) => vec![server.server.connection().await],
            Self::Cluster(cluster) => cluster.masters().await,
            Self::Sentinels(group) => vec![group.master().connection().await],
            Self::Elsewhere(url) => vec![elsewhere(url).await],
        }
    }
}

async fn elsewhere(url: &str) -> MultiplexedConnection {
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(10)));
    let client = redis::Client::open(url).expect("a URL of one server");
    client.get_multiplexed_async_connection_with_config(&patient).await.expect("the server is up")
}
