//! A private master, a replica, and Sentinels that require a password.

use std::sync::Arc;

use crate::store::redis::client::tests::common::cluster::eventually;
use crate::store::redis::client::tests::common::sentinel::Sentinels;
use crate::store::redis::client::tests::common::server::Server;
use crate::store::redis::client::tests::server::Lease;

pub(crate) struct TestGroup {
    /// The first is the master.
    pub(crate) servers: Vec<Arc<Server>>,
    pub(crate) sentinels: Vec<Arc<Server>>,
    _turn: Lease,
}

impl TestGroup {
    pub(crate) fn start() -> Self {
        let turn = Lease::wait();
        let group = Sentinels::over(1);
        let sentinels = group.sentinels().to_vec();
        for sentinel in &sentinels {
            sentinel.admin::<()>("SENTINEL CONFIG SET sentinel-pass watcher");
        }
        for sentinel in &sentinels {
            sentinel.admin::<()>("ACL SETUSER default resetpass >watcher");
        }
        Self { servers: group.servers().to_vec(), sentinels, _turn: turn }
    }

    /// Of the first Sentinel alone: it has the addresses of the others.
    pub(crate) fn url(&self) -> String {
        format!("redis-sentinel://{}/main?sentinel_password=watcher", self.sentinels[0].addr())
    }

    /// As a user who may query the Sentinels and not subscribe to them.
    pub(crate) fn url_without_listening(&self) -> String {
        for sentinel in &self.sentinels {
            ask(sentinel, "ACL SETUSER blind on >secret +sentinel +hello +auth +ping +info").unwrap();
        }
        let addrs: Vec<String> = self.sentinels.iter().map(|sentinel| sentinel.addr()).collect();
        format!("redis-sentinel://{}/main?sentinel_user=blind&sentinel_password=secret", addrs.join(","))
    }

    pub(crate) fn fail_over(&self) {
        // Refused while the Sentinels are still busy with each other.
        eventually("the failover begins", || ask(&self.sentinels[1], "SENTINEL FAILOVER main").is_ok());
    }

    pub(crate) fn until_promoted(&self, number: usize) {
        // A server that changes its role closes its connections.
        let told = || self.servers[number].try_admin::<String>("INFO replication");
        eventually("the replica is promoted", || told().is_ok_and(|told| told.contains("role:master")));
    }
}

/// One command on a Sentinel, with its password.
fn ask(sentinel: &Server, command: &str) -> redis::RedisResult<()> {
    let mut words = command.split(' ');
    let client = redis::Client::open(format!("{}?pass=watcher", sentinel.url()))?;
    redis::cmd(words.next().unwrap()).arg(words.collect::<Vec<_>>()).query(&mut client.get_connection()?)
}
