//! R30: a Redis user with no more permissions than the guide's line.
//!
//! The conformance suite with `CLOAKROOM_SERVER=acl` shows that the line is enough for everything; these tests show that
//! nothing in it is too much.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cloakroom::{
    AsCluster, Builder, ClientInfo, ConnectError, EndOutcome, Error, Login, LoginOutcome, Session, Sessions,
};

use crate::common::cluster::Cluster;
use crate::common::reshard::Move;
use crate::common::sentinel::Sentinels;
use crate::common::server::Server;
use crate::common::{acl, connected, keys, token, until};
use crate::secrets::{Issued, scenario};

/// Commands that this user sent and was refused.
fn refused(server: &Server, user: &str) -> Vec<String> {
    let log: Vec<redis::Value> = server.ask(&["ACL", "LOG"]);
    let entries = log.into_iter().map(|entry| {
        let pairs: Vec<(String, redis::Value)> = redis::from_redis_value(entry).expect("names and values");
        let of = |name: &str| pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        let text = |name| redis::from_redis_value::<String>(of(name).expect("it is told")).expect("text");
        (text("username"), text("object"))
    });
    entries.filter(|(username, _)| username == user).map(|(_, object)| object.to_lowercase()).collect()
}

/// Calls every operation and the rarer branches of the scripts. Panics at the first refusal that matters.
async fn everything(server: &Server, url: String, user: &str) {
    let builder = Sessions::builder(url).namespace(user).expiry_grace(Duration::from_secs(600));
    let sessions = builder.clone().connect().await.expect("permitted");
    removals(&sessions).await;
    let kept = guest(&sessions).await;
    assert_eq!(kept.logout_keeping(["a"]).await.expect("permitted"), EndOutcome::Ended);
    keys::age(&mut server.connection().await, user, Duration::from_secs(32 * 60)).await;
    assert_eq!(sessions.sweep().await.expect("permitted").expired, 2);
    scenario(&sessions, &mut Issued::default()).await;
    let _ = sessions.durable(1, Duration::from_millis(1)).revoke_user("ada").await.expect("permitted");
    lost_guest(&builder).await;
}

/// A login from one slot into another whose guest session ends meanwhile.
async fn lost_guest(builder: &Builder) {
    let sessions = connected(builder.clone().across_slots().connections(1)).await;
    let session = guest(&sessions).await;
    let other = sessions.open(Some(&token(&session)), ClientInfo::new()).await.expect("permitted");
    // On one connection, the login's first read comes before the logout, its next step after it.
    let (login, logout) = tokio::join!(session.login(Login::new("ada")), other.logout());
    assert!(matches!(login.expect("permitted"), LoginOutcome::Gone(_)));
    assert_eq!(logout.expect("permitted"), EndOutcome::Ended);
}

/// A field that another request removed meanwhile, and all fields at once.
async fn removals(sessions: &Sessions) {
    let session = guest(sessions).await;
    let token = token(&session);
    let other = sessions.open(Some(&token), ClientInfo::new()).await.expect("permitted");
    for handle in [&session, &other] {
        handle.remove("a").expect("live");
        handle.save().await.expect("permitted").into_result().expect("saved");
    }
    session.insert("b", &1).expect("legal");
    session.save().await.expect("permitted").into_result().expect("saved");
    session.clear().expect("live");
    session.save().await.expect("permitted").into_result().expect("saved");
}

async fn guest(sessions: &Sessions) -> Session {
    let session = sessions.open(None, ClientInfo::new()).await.expect("permitted");
    session.insert("a", &1).expect("legal");
    session.save().await.expect("permitted").into_result().expect("saved");
    session
}

#[tokio::test]
async fn every_operation_works_as_the_user_of_the_guide() {
    let server = Server::start(&[]);
    everything(&server, acl::login(&server, "r30"), "r30").await;
    assert_eq!(refused(&server, "r30"), Vec::<String>::new(), "also of what is done beside a request");
}

#[tokio::test]
async fn each_command_that_the_line_permits_is_needed() {
    let server = Arc::new(Server::start(&[]));
    let mut useless = Vec::new();
    for (number, command) in acl::commands().into_iter().enumerate() {
        let user = format!("r30-{number}");
        let url = acl::login_without(&server, &user, &[command]);
        let (at, name) = (Arc::clone(&server), user.clone());
        let _ = tokio::spawn(async move { everything(&at, url, &name).await }).await;
        if !refused(&server, &user).contains(&command.to_owned()) {
            useless.push(command);
        }
    }
    assert_eq!(useless, Vec::<&str>::new(), "no operation uses these commands");
}

/// Creates the user `r30` with these rules, and clears the log of refusals.
fn set_user(server: &Server, rules: &[&str], more: &[&str]) {
    let rules = rules.iter().map(|rule| if *rule == ">PASSWORD" { ">secret" } else { rule });
    let head = ["ACL", "SETUSER", "r30", "reset", "~r30:*"].into_iter();
    server.ask::<()>(&head.chain(rules).chain(more.iter().copied()).collect::<Vec<_>>());
    server.ask::<()>(&["ACL", "LOG", "RESET"]);
}

fn with_login(url: &str) -> String {
    url.replace("://", "://r30:secret@")
}

fn refused_anywhere(servers: &[Arc<Server>]) -> BTreeSet<String> {
    servers.iter().flat_map(|server| refused(server, "r30")).collect()
}

/// Checks that on these servers only what is taken away is refused.
async fn needs_each(servers: &[Arc<Server>], builder: Builder, place: &str, token: &str) {
    let besides = acl::besides(place);
    assert!(!besides.is_empty());
    for missing in &besides {
        let left: Vec<&str> = besides.iter().filter(|rule| *rule != missing).map(String::as_str).collect();
        servers.iter().for_each(|server| set_user(server, &acl::rules(), &left));
        let lazy = builder.clone().budget(Duration::from_secs(1)).connect_lazy().expect("a good configuration");
        let _ = lazy.open(Some(token), ClientInfo::new()).await;
        let found = refused_anywhere(servers);
        assert!(found.contains(missing.trim_start_matches('+')), "{place}: no operation used {missing}: {found:?}");
    }
}

#[tokio::test]
async fn on_a_cluster_the_line_and_its_additions_are_needed_and_enough() {
    let cluster = Cluster::start(2, 0);
    let besides = acl::besides("Redis Cluster");
    let besides: Vec<&str> = besides.iter().map(String::as_str).collect();
    cluster.nodes().iter().for_each(|node| set_user(node, &acl::rules(), &besides));
    // With a grace a load is two commands.
    let builder = Sessions::builder(with_login(&cluster.url())).namespace("r30").expiry_grace(Duration::from_secs(60));
    let sessions = connected(builder.clone()).await;
    scenario(&sessions, &mut Issued::default()).await;
    let session = guest(&sessions).await;
    let id = session.id().expect("live").to_string();
    let (tag, token) = (format!("{{{}}}", &id[15..18]), token(&session));
    let slot = cluster.slot(&tag);
    let owner = cluster.owner(slot).port();
    let moving =
        Move::begin(&cluster, slot, cluster.nodes().iter().find(|node| node.port() != owner).expect("another"));
    moving.keys(&[&format!("r30:{tag}:s:{id}")]);
    assert!(sessions.open(Some(&token), ClientInfo::new()).await.expect("permitted").id().is_some());
    assert_eq!(refused_anywhere(cluster.nodes()), BTreeSet::new());
    needs_each(cluster.nodes(), builder, "Redis Cluster", &token).await;
}

#[tokio::test]
async fn behind_sentinels_the_two_lines_are_enough() {
    let group = Sentinels::start();
    group.sentinels().iter().for_each(|sentinel| set_user(sentinel, &acl::sentinel_rules(), &[]));
    group.servers().iter().for_each(|server| set_user(server, &acl::rules(), &[]));
    let url = format!("{}?sentinel_user=r30&sentinel_password=secret", with_login(&group.url()));
    let builder = Sessions::builder(url).namespace("r30");
    let sessions = connected(builder).await;
    scenario(&sessions, &mut Issued::default()).await;
    let before = group.master().clone();
    group.fail_over();
    group.wait_for_another_master(&before);
    until("the switch is heard", || async { sessions.revoke_user("ada").await.is_ok() }).await;
    assert_eq!(refused_anywhere(group.servers()), BTreeSet::new());
    assert_eq!(refused_anywhere(group.sentinels()), BTreeSet::new());
}

#[tokio::test]
async fn another_namespace_is_out_of_reach() {
    let server = Server::start(&[]);
    let url = acl::login(&server, "mine");
    let other = Sessions::builder(url).namespace("yours").connect().await.expect("what it asks needs no key");
    let session = other.open(None, ClientInfo::new()).await.expect("nothing is read");
    session.insert("a", &1).expect("legal");
    assert!(matches!(session.save().await, Err(Error::Unavailable(_))));
    assert!(server.ask::<Vec<String>>(&["KEYS", "*"]).is_empty());
}

#[tokio::test]
async fn a_user_who_may_not_connect_gets_an_error_that_names_the_cause() {
    let server = Server::start(&[]);
    let url = acl::login_without(&server, "r30", &["time", "info"]);
    let refused = Sessions::builder(url).namespace("r30").connect().await;
    let Err(ConnectError::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.to_string().contains("denies its user") && !why.to_string().contains("secret"), "{why}");
}
