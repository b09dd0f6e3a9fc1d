//! What one connection of a node detects applies to all of them.

use redis::Value;
use tokio::time::Instant;

use super::*;
use crate::store::redis::client::tests::gate::{Gate, Way};
use crate::store::redis::client::tests::scripts::{code, count};

pub(crate) fn wire_of(url: &str, connections: usize, budget: Duration) -> Client {
    let StoreUrl::Redis(servers) = StoreUrl::parse(url).unwrap() else { panic!("{url} is no Redis URL") };
    Client::new(&servers, &Pools { connections, bulk_connections: 2, in_flight: 1_000, budget }).unwrap()
}

pub(crate) fn gate(server: &Server) -> Gate {
    Gate::before(server, Way::To(server.socket()))
}

/// Opens all connections.
pub(crate) async fn opened(url: &str, connections: usize, budget: Duration) -> Client {
    let client = wire_of(url, connections, budget);
    for _ in 0..connections {
        count(&client, Path::Request).await.unwrap();
    }
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_call_succeeds_with_any_number_of_silent_connections() {
    for connections in [2, 8, 64] {
        let server = Server::start(&[]);
        let gate = gate(&server);
        let client = opened(&gate.url(), connections, Duration::from_secs(3)).await;
        gate.silence();
        let start = Instant::now();
        assert_eq!(count(&client, Path::Request).await.unwrap().times, 4, "three replies were late");
        assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
        for _ in 0..connections {
            assert_eq!(count(&client, Path::Request).await.unwrap().times, 1, "a silent connection is still used");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_succeeds_at_once_after_many_connections_have_moved() {
    let (old, new) = (Server::start(&[]), Server::start(&[]));
    let gate = gate(&old);
    let client = opened(&gate.url(), 64, Duration::from_secs(3)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    gate.go(Way::To(new.socket()));
    old.admin::<()>("REPLICAOF 127.0.0.1 1");
    let start = Instant::now();
    for expected in 1..=64 {
        assert_eq!(count(&client, Path::Request).await.unwrap().answer.value().unwrap(), Value::Int(expected));
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(count(&client, Path::Bulk).await.unwrap().answer.value().unwrap(), Value::Int(65));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_after_an_outage_succeeds_and_so_do_all_others() {
    for away in [Way::Refuse, Way::Close, Way::Silent] {
        let server = Server::start(&[]);
        let gate = gate(&server);
        let client = opened(&gate.url(), 8, Duration::from_millis(500)).await;
        gate.go(away.clone());
        gate.cut();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(1_800) {
            count(&client, Path::Request).await.unwrap_err();
        }
        gate.go(Way::To(server.socket()));
        for number in 0..16 {
            let answer = count(&client, Path::Request).await;
            assert!(answer.is_ok(), "{away:?}, call {number}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_uses_another_connection_at_the_servers_client_limit() {
    let server = Server::start(&[]);
    let mut admin = server.blocking();
    let client = opened(&server.url(), 1, Duration::from_millis(500)).await;
    redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(2).exec(&mut admin).unwrap();
    let eight = wire_of(&server.url(), 8, Duration::from_millis(500));
    count(&eight, Path::Request).await.unwrap_err();
    drop(client);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(1) {
        if let Err(error) = count(&eight, Path::Request).await {
            assert!(start.elapsed() < Duration::from_millis(500), "{error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_master_is_trusted_for_3_seconds_at_most() {
    for path in PATHS {
        let (old, new) = (Server::start(&[]), Server::start(&[]));
        let gate = gate(&old);
        let client = opened(&gate.url(), 2, Duration::from_secs(3)).await;
        for (server, value) in [(&old, "old"), (&new, "new")] {
            server.admin::<()>(&format!("SET k {value}"));
        }
        assert_eq!(get(&client, path, "k").await.unwrap(), Value::BulkString(b"old".to_vec()));
        gate.go(Way::To(new.socket()));
        old.admin::<()>("REPLICAOF 127.0.0.1 1");
        let start = Instant::now();
        while get(&client, path, "k").await.unwrap() != Value::BulkString(b"new".to_vec()) {
            assert!(start.elapsed() < Duration::from_secs(3), "the old server is believed yet");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for _ in 0..4 {
            assert_eq!(get(&client, path, "k").await.unwrap(), Value::BulkString(b"new".to_vec()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_behind_a_masters_address_is_not_read() {
    let server = Server::start(&[]);
    server.admin::<()>("SET k old");
    server.admin::<()>("REPLICAOF 127.0.0.1 1");
    let client = wire_to(&server.url(), Duration::from_millis(300));
    for path in PATHS {
        let error = get(&client, path, "k").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)) && code(&error).as_deref() == Some("READONLY"), "{error:?}");
    }
    let told = client.check().await.unwrap_err().to_string();
    assert!(told.ends_with("is a replica: the URL must name the master"), "{told}");
    server.admin::<()>("REPLICAOF NO ONE");
    for path in PATHS {
        assert_eq!(get(&client, path, "k").await.unwrap(), Value::BulkString(b"old".to_vec()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_info_permission_is_found_by_role_at_first_call() {
    let server = Server::start(&[]);
    server.admin::<()>("SET k old");
    server.admin::<()>("ACL SETUSER app on >secret ~* +@all -info");
    server.admin::<()>("REPLICAOF 127.0.0.1 1");
    let wire = wire_to(&(server.url() + "?user=app&password=secret"), Duration::from_millis(300));
    for path in PATHS {
        let error = get(&wire, path, "k").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)) && code(&error).as_deref() == Some("READONLY"), "{error:?}");
    }
}

#[tokio::test]
async fn a_user_without_role_permission_is_served() {
    let server = Server::start(&[]);
    server.admin::<()>("ACL SETUSER app on >secret ~* +@all -role -info");
    let client = wire_to(&(server.url() + "?user=app&password=secret"), Duration::from_secs(1));
    for path in PATHS.repeat(4) {
        count(&client, path).await.unwrap();
        get(&client, path, "n").await.unwrap();
    }
}
