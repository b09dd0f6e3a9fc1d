//! Ends that wait for replicas, and the doctor, as an application calls them.

use std::time::Duration;

use cloakroom::{EndOutcome, Sessions, Severity};

use crate::common::cluster::Cluster;
use crate::common::server::Server;
use crate::common::{login, memory_stage, redis_stage, token, until};

#[tokio::test]
async fn a_durable_end_is_done_and_returns_the_number_of_replicas() {
    for stage in [memory_stage(|with| with).await, redis_stage(|with| with).await] {
        let (kept, _) = stage.user("ada").await;
        let (other, _) = stage.user("ada").await;
        let durable = stage.sessions.durable(1, Duration::from_millis(1));
        let keep = kept.id().expect("live");
        let end = durable.user("ada").revoke_others(keep).await.expect("there").expect("it is one of ada's");
        assert_eq!((end.ended, end.replicas, end.is_durable()), (1, 0, false), "nobody replicates this store");
        let none = durable.user("ada").revoke(other.id().expect("its id")).await.expect("there");
        assert_eq!(none.ended, 0, "it has ended already");
        assert!(durable.user("bob").revoke_others(keep).await.expect("there").is_none());
        let logout = durable.logout(&kept).await.expect("there");
        assert_eq!((logout.outcome, logout.end.ended, logout.end.replicas), (EndOutcome::Ended, 1, 0));
        let draft = stage.draft().await;
        let logout = durable.logout(&draft).await.expect("there");
        assert_eq!(
            (logout.outcome, logout.end.is_durable()),
            (EndOutcome::NoSession, true),
            "there was nothing to write"
        );
        let never = stage.sessions.durable(0, Duration::MAX).revoke_user("nobody").await.expect("there");
        assert_eq!((never.ended, never.is_durable()), (0, true), "a wait of any length is one");
        let (last, token) = stage.user("ada").await;
        assert!(last.id().is_some());
        assert_eq!(durable.revoke_user("ada").await.expect("there").ended, 1);
        assert!(stage.open(&token).await.id().is_none());
    }
}

#[tokio::test]
async fn the_doctor_lists_errors_first_and_nothing_for_the_embedded_store() {
    let stage = memory_stage(|with| with).await;
    assert_eq!(stage.sessions.doctor().await.expect("there"), []);
    let stage = redis_stage(|with| with).await;
    let found = stage.sessions.doctor().await.expect("there");
    assert!(found.windows(2).all(|pair| pair[0].severity >= pair[1].severity));
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|finding| finding.severity == Severity::Warning), "{text:?}");
    assert!(text.iter().any(|line| line.starts_with("warning no_persistence at ")), "{text:?}");
}

/// A session on this node of the cluster.
async fn session_on(cluster: &Cluster, node: &Server, sessions: &Sessions) -> cloakroom::Session {
    for number in 0.. {
        let session = sessions.open(None, cloakroom::ClientInfo::new()).await.expect("there");
        login(&session, &format!("user{number}")).await;
        let id = session.id().expect("live").to_string();
        if cluster.owner(cluster.slot(&format!("{{{}}}", &id[15..18]))).port() == node.port() {
            return session;
        }
    }
    unreachable!("every node has some users")
}

#[tokio::test]
async fn an_end_on_a_dead_server_does_not_hold_up_other_repeats() {
    let cluster = Cluster::start(3, 0);
    let [away, back] = [0, 1].map(|number| cluster.node(number));
    let builder = Sessions::builder(cluster.url()).namespace("journal").budget(Duration::from_secs(1));
    let sessions = crate::common::connected(builder).await;
    let first = session_on(&cluster, away, &sessions).await;
    let second = session_on(&cluster, back, &sessions).await;
    let second_token = token(&second);
    back.ask::<()>(&["SAVE"]);
    for session in [first, second] {
        assert_eq!(session.logout().await.expect("there"), EndOutcome::Ended);
    }
    away.kill();
    // It has persisted nothing since, as in a failover to a replica that lags behind.
    back.kill();
    back.restart();
    until("the logout is done again", async || {
        let opened = sessions.open(Some(&second_token), cloakroom::ClientInfo::new()).await;
        opened.is_ok_and(|session| session.ended().is_some())
    })
    .await;
}
