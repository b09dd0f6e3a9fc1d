//! A master with replicas, watched by three Sentinels.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cluster::eventually;
use super::server::Server;

/// The name of the master at the Sentinels.
const NAME: &str = "main";

pub(crate) struct Sentinels {
    servers: Vec<Arc<Server>>,
    sentinels: Vec<Arc<Server>>,
}

impl Sentinels {
    pub(crate) fn start() -> Self {
        Self::over(2)
    }

    /// With this number of replicas. Takes about two seconds.
    pub(crate) fn over(replicas: usize) -> Self {
        let quick = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        let master = Arc::new(Server::listening(&quick));
        let port = master.port().to_string();
        let mut servers = vec![master];
        for _ in 0..replicas {
            servers.push(Arc::new(Server::listening(&[&quick[..], &["--replicaof", "127.0.0.1", &port]].concat())));
        }
        for replica in &servers[1..] {
            eventually("a replica follows", || {
                replica.ask::<String>(&["INFO", "replication"]).contains("master_link_status:up")
            });
        }
        let group =
            Self { sentinels: (0..3).map(|_| Arc::new(Server::sentinel(&configuration(&port)))).collect(), servers };
        for sentinel in &group.sentinels {
            eventually("the Sentinels know each other and the replicas", || {
                let known: Vec<String> = sentinel.ask(&["SENTINEL", "MASTER", NAME]);
                let number = |name: &str| known.chunks(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str());
                number("num-slaves") == Some(&replicas.to_string()) && number("num-other-sentinels") == Some("2")
            });
        }
        group
    }

    /// The store URL; names every Sentinel.
    pub(crate) fn url(&self) -> String {
        let places: Vec<_> = self.sentinels.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-sentinel://{}/{NAME}", places.join(","))
    }

    /// The master, according to most of the Sentinels.
    pub(crate) fn master(&self) -> &Arc<Server> {
        let mut said: Vec<u16> = self.sentinels.iter().filter_map(master_of).collect();
        said.sort_unstable();
        let port = *said.get(said.len() / 2).expect("a Sentinel that answers");
        self.servers.iter().find(|server| server.port() == port).expect("a server of ours")
    }

    pub(crate) fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    pub(crate) fn sentinels(&self) -> &[Arc<Server>] {
        &self.sentinels
    }

    /// Waits until the Sentinels name another master that accepts writes; returns how long that took.
    pub(crate) fn wait_for_another_master(&self, than: &Server) -> Duration {
        let begun = Instant::now();
        eventually("a replica is promoted", || {
            let master = self.master();
            master.port() != than.port() && master.ask::<String>(&["INFO", "replication"]).contains("role:master")
        });
        begun.elapsed()
    }

    /// A planned failover, with the old master alive; returns when the Sentinels have begun it.
    pub(crate) fn fail_over(&self) {
        eventually("a Sentinel takes the order", || {
            self.sentinels[0].try_ask::<()>(&["SENTINEL", "FAILOVER", NAME]).is_ok()
        });
    }
}

fn configuration(port: &str) -> String {
    format!(
        "sentinel monitor {NAME} 127.0.0.1 {port} 2\n\
         sentinel down-after-milliseconds {NAME} 500\n\
         sentinel failover-timeout {NAME} 3000\n\
         sentinel parallel-syncs {NAME} 2\n"
    )
}

fn master_of(sentinel: &Arc<Server>) -> Option<u16> {
    let address: (String, u16) = sentinel.try_ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).ok()?;
    Some(address.1)
}
