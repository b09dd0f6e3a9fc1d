use super::*;
use crate::doctor::Severity;
use crate::store::redis::client::tests::cluster::TestCluster;

async fn codes(store: &Redis) -> Vec<(&'static str, Severity)> {
    store.examine().await.unwrap().iter().map(|finding| (finding.code, finding.severity)).collect()
}

#[tokio::test]
async fn risky_settings_of_a_server_are_found() {
    let bench = open_on(
        Arc::new(Server::start(&["--maxmemory-policy", "volatile-lru", "--maxmemory", "100mb"])),
        Limits::default(),
    );
    let found = codes(&bench.store).await;
    for wanted in
        [("eviction", Severity::Error), ("no_persistence", Severity::Warning), ("no_min_replicas", Severity::Info)]
    {
        assert!(found.contains(&wanted), "{found:?}");
    }
    assert!(!found.iter().any(|(code, _)| ["not_told", "no_expiry", "clock_skew"].contains(code)), "{found:?}");
    let knowing = store(&bench.server, "known", Limits::default()).allow_eviction(true);
    assert!(codes(&knowing).await.contains(&("eviction", Severity::Warning)));
}

#[tokio::test]
async fn a_session_without_an_expiry_is_found() {
    let bench = open();
    for _ in 0..2_000 {
        // In enough buckets that a sample finds them.
        let (id, _) = bench.guest(&[]).await;
        bench.raw::<i64>("PERSIST", &bench.store.keys.session(id), &[]);
    }
    assert!(codes(&bench.store).await.contains(&("no_expiry", Severity::Error)));
}

#[tokio::test]
async fn a_missing_permission_is_a_finding() {
    let server = Server::start(&[]);
    server.admin::<()>("ACL SETUSER app on >secret ~* +@all -info -config -role");
    let url = server.url() + "?user=app&password=secret";
    let found = store_at(&url, "asking", Limits::default()).examine().await.unwrap();
    let told: Vec<&str> =
        found.iter().filter(|finding| finding.code == "not_told").map(|it| it.what.as_str()).collect();
    assert_eq!(told.len(), 3, "{found:?}");
    assert!(told[0].starts_with("INFO") && told[1].starts_with("CONFIG GET"), "{told:?}");
    assert!(told[2].starts_with("ROLE"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_master_of_a_cluster_is_examined() {
    let cluster = TestCluster::start(false);
    let store = store_at(&cluster.url(), "examined", Limits::default());
    let found = store.examine().await.unwrap();
    let servers: std::collections::BTreeSet<_> =
        found.iter().filter(|finding| finding.code == "no_replica").map(|finding| finding.server.clone()).collect();
    assert_eq!(servers.len(), 3, "{found:?}");
    assert!(!found.iter().any(|finding| finding.code == "slots_not_served"));
    cluster.nodes[0].admin::<()>("CLUSTER DELSLOTS 0");
    cluster.nodes[1].admin::<()>("CLUSTER DELSLOTS 0");
    cluster.nodes[2].admin::<()>("CLUSTER DELSLOTS 0");
    assert!(codes(&store).await.contains(&("slots_not_served", Severity::Error)));
}
