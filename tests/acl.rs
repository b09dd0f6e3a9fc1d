//! R30: a Redis user who may do no more than the guide's line says.
//!
//! That the line is enough for everything is shown by the conformance suite with `CLOAKROOM_SERVER=acl`; here, that
//! nothing in it is too much.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::{ClientInfo, ConnectError, EndOutcome, Error, Session, Sessions};

use crate::common::server::Server;
use crate::common::{acl, keys, token};
use crate::secrets::{Issued, scenario};

/// Commands that this user asked for and was refused.
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

/// Calls every operation, and meets the rarer branches of the scripts. Stops at the first refusal that matters, with a
/// panic.
async fn everything(server: &Server, url: String, user: &str) {
    let builder = Sessions::builder(url).namespace(user).expiry_grace(Duration::from_secs(600));
    let sessions = builder.connect().await.expect("permitted");
    removals(&sessions).await;
    let kept = guest(&sessions).await;
    assert_eq!(kept.logout_keeping(["a"]).await.expect("permitted"), EndOutcome::Ended);
    keys::age(&mut server.connection().await, user, Duration::from_secs(32 * 60)).await;
    assert_eq!(sessions.sweep().await.expect("permitted").expired, 2);
    scenario(&sessions, &mut Issued::default()).await;
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
    assert_eq!(useless, Vec::<&str>::new(), "nobody asked for these");
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
async fn a_user_who_may_not_even_connect_is_told_so() {
    let server = Server::start(&[]);
    let url = acl::login_without(&server, "r30", &["time", "info"]);
    let refused = Sessions::builder(url).namespace("r30").connect().await;
    let Err(ConnectError::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.to_string().contains("permit") && !why.to_string().contains("secret"), "{why}");
}
