//! A Sentinel's master that moves.

use std::sync::Arc;

use tokio::time::Instant;

use super::*;
use crate::store::redis::client::tests::group::TestGroup;
use crate::store::redis::client::tests::scripts::count;

async fn a_failover_is_followed(begin: fn(&TestGroup), within: Duration) {
    let group = TestGroup::start();
    let client = Arc::new(wire_to(&group.url(), Duration::from_secs(3)));
    client.check().await.unwrap();
    let mut failovers = client.failovers();
    for path in PATHS {
        count(&client, path).await.unwrap();
    }
    assert_eq!(*failovers.borrow(), 0);
    assert_eq!(group.servers[0].admin::<i64>("GET n"), 2);
    begin(&group);
    let group = tokio::task::spawn_blocking(move || {
        group.until_promoted(1);
        group
    });
    let group = group.await.unwrap();
    let promoted = Instant::now();
    tokio::time::timeout(within, failovers.wait_for(|count| *count >= 1)).await.unwrap().unwrap();
    for path in PATHS {
        while let Err(error) = count(&client, path).await {
            assert!(promoted.elapsed() < within, "{error:?}");
        }
    }
    assert!(group.servers[1].admin::<i64>("GET n") >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_move_from_a_dead_master_to_the_promoted_one() {
    a_failover_is_followed(|group| group.servers[0].kill(), Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_move_from_a_hung_master_to_the_promoted_one() {
    a_failover_is_followed(|group| group.servers[0].stop(), Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_failover_is_followed_with_the_old_master_alive() {
    a_failover_is_followed(|group| group.fail_over(), Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_without_a_notification_is_found_by_polling() {
    let group = TestGroup::start();
    let client = wire_to(&group.url_without_listening(), Duration::from_secs(3));
    let failovers = client.failovers();
    count(&client, Path::Request).await.unwrap();
    let group = tokio::task::spawn_blocking(move || {
        group.servers[0].stop();
        group.until_promoted(1);
        group
    });
    let group = group.await.unwrap();
    let promoted = Instant::now();
    while let Err(error) = count(&client, Path::Request).await {
        assert!(promoted.elapsed() < Duration::from_secs(3), "{error:?}");
    }
    assert_eq!(group.servers[1].admin::<i64>("GET n"), 2);
    assert_eq!(*failovers.borrow(), 1);
}

/// A stopped master continues the moment that a Sentinel announces the switch, and executes what waits in its sockets.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_masters_reply_is_dropped_and_the_call_sent_to_the_new() {
    let group = TestGroup::start();
    let client = Arc::new(wire_to(&group.url(), Duration::from_secs(5)));
    let mut failovers = client.failovers();
    for _ in 0..8 {
        count(&client, Path::Request).await.unwrap();
    }
    while group.servers[1].admin::<Option<i64>>("GET n") != Some(8) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    group.servers[0].stop();
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let counting = (0..16).map(|number| {
        let (client, over) = (Arc::clone(&client), Arc::clone(&over));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(30 * number)).await;
            let mut answered = 0;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                answered += i64::from(count(&client, Path::Request).await.is_ok());
            }
            answered
        })
    });
    let counting: Vec<_> = counting.collect();
    tokio::time::timeout(Duration::from_secs(20), failovers.wait_for(|count| *count >= 1)).await.unwrap().unwrap();
    group.servers[0].go_on();
    tokio::time::sleep(Duration::from_millis(300)).await;
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut answered = 8;
    for task in counting {
        answered += task.await.unwrap();
    }
    let counted = group.servers[1].admin::<i64>("GET n");
    assert!(answered > 8 && counted >= answered, "{answered} were answered, {counted} are counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_reports_to_be_a_replica_is_not_used() {
    let replica = Server::listening(&["--replicaof", "127.0.0.1 1"]);
    let sentinel = Server::sentinel(&watching(&replica, 1, 0));
    let client = wire_to(&format!("redis-sentinel://{}/main", sentinel.addr()), Duration::from_secs(3));
    assert_eq!(client.check().await.unwrap_err().to_string(), "the master named by the Sentinels is still a replica");
}

/// The URL names one Sentinel; the others were learned from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_is_followed_without_the_sentinel_of_the_url() {
    let both = |group: &TestGroup| {
        group.sentinels[0].kill();
        group.servers[0].kill();
    };
    a_failover_is_followed(both, Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_process_is_notified_of_a_switch() {
    let group = TestGroup::start();
    let client = wire_to(&group.url(), Duration::from_secs(3));
    get(&client, Path::Request, "k").await.unwrap();
    let mut failovers = client.failovers();
    let group = tokio::task::spawn_blocking(move || {
        group.fail_over();
        group.until_promoted(1);
        group
    });
    let _group = group.await.unwrap();
    tokio::time::timeout(Duration::from_secs(3), failovers.wait_for(|count| *count == 1)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_sentinel_url_is_reported() {
    let group = TestGroup::start();
    let told =
        |url: String| async move { wire_to(&url, Duration::from_secs(3)).check().await.unwrap_err().to_string() };
    let sentinel = group.sentinels[0].addr();
    let is_one = format!("{sentinel} does not know TIME: for a Sentinel use the scheme `redis-sentinel:`");
    let no_password = format!("{sentinel} requires a password; the URL has none");
    assert_eq!(told(format!("redis-sentinel://{sentinel}/main")).await, no_password);
    let none = "the Sentinels know no master of this name";
    assert_eq!(told(format!("redis-sentinel://{sentinel}/other?sentinel_password=watcher")).await, none);
    assert_eq!(told(format!("redis-cluster://:watcher@{sentinel}")).await, is_one);
    assert_eq!(told(format!("redis://:watcher@{sentinel}")).await, is_one);
    let replica = format!("redis://{}", group.servers[1].addr());
    assert!(get(&wire_to(&replica, Duration::from_millis(300)), Path::Request, "k").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listeners_end_with_the_wire() {
    let group = TestGroup::start();
    let client = wire_to(&group.url(), Duration::from_secs(3));
    get(&client, Path::Request, "k").await.unwrap();
    drop(client);
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let limit = Instant::now() + Duration::from_secs(5);
    while alive() > 0 {
        assert!(Instant::now() < limit, "{} tasks are left", alive());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Two servers that both claim to be the master, as after a partition: a Sentinel that was cut off still watches the
/// first one, two others have recorded the failover to the second.
struct Split {
    servers: [Server; 2],
    /// The one that was cut off, then the others.
    sentinels: [Server; 3],
}

/// A Sentinel's configuration: the server that it watches, its quorum, and how many failovers it has counted.
fn watching(server: &Server, quorum: usize, epoch: u32) -> String {
    let port = server.port();
    format!(
        "sentinel monitor main 127.0.0.1 {port} {quorum}\nsentinel down-after-milliseconds main 60000\n\
         sentinel config-epoch main {epoch}\n"
    )
}

impl Split {
    fn start() -> Self {
        let servers = [Server::listening(&[]), Server::listening(&[])];
        let of = [(0, 1), (1, 2), (1, 2)];
        let sentinels = of.map(|(server, epoch)| Server::sentinel(&watching(&servers[server], 3, epoch)));
        Self { servers, sentinels }
    }

    /// Recreates the Sentinels, which watch the first server and have counted no failover.
    fn recreate_sentinels(&self) {
        self.sentinels.iter().for_each(Server::kill);
        for sentinel in &self.sentinels {
            let file = sentinel.socket().with_file_name("sentinel.conf");
            std::fs::write(file, watching(&self.servers[0], 3, 0)).unwrap();
            sentinel.restart();
        }
    }

    fn client(&self) -> Client {
        let addrs: Vec<String> = self.sentinels.iter().map(Server::addr).collect();
        wire_to(&format!("redis-sentinel://{}/main", addrs.join(",")), Duration::from_secs(2))
    }

    fn counted(&self, server: usize) -> Option<u32> {
        self.servers[server].admin("GET n")
    }
}

async fn until_counted(client: &Client) {
    let start = Instant::now();
    while count(client, Path::Request).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(5), "the master is not found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_of_the_last_failover_is_trusted() {
    let split = Split::start();
    for number in 1..=20 {
        count(&split.client(), Path::Request).await.unwrap();
        assert_eq!((split.counted(0), split.counted(1)), (None, Some(number)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_returns_to_a_master_from_before_the_last_failover() {
    let split = Split::start();
    let client = split.client();
    count(&client, Path::Request).await.unwrap();
    split.sentinels[1..].iter().for_each(Server::stop);
    split.servers[1].kill();
    for path in PATHS {
        count(&client, path).await.unwrap_err();
    }
    split.servers[1].restart();
    until_counted(&client).await;
    assert_eq!(split.counted(0), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn recreated_sentinels_with_a_lower_epoch_are_trusted() {
    let split = Split::start();
    let client = split.client();
    count(&client, Path::Request).await.unwrap();
    split.recreate_sentinels();
    split.servers[1].kill();
    until_counted(&client).await;
    assert_eq!(split.counted(0), Some(1));
}
