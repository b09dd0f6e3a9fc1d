//! Ends that replicas are to have, and the doctor, as an application calls them.

use std::time::Duration;

use cloakroom::{EndOutcome, Severity};

use crate::common::{memory_stage, redis_stage};

#[tokio::test]
async fn a_durable_end_is_done_and_says_how_many_replicas_have_it() {
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
        let (last, token) = stage.user("ada").await;
        assert!(last.id().is_some());
        assert_eq!(durable.revoke_user("ada").await.expect("there").ended, 1);
        assert!(stage.open(&token).await.id().is_none());
    }
}

#[tokio::test]
async fn the_doctor_tells_the_gravest_first_and_nothing_of_the_embedded_store() {
    let stage = memory_stage(|with| with).await;
    assert_eq!(stage.sessions.doctor().await.expect("there"), []);
    let stage = redis_stage(|with| with).await;
    let found = stage.sessions.doctor().await.expect("there");
    assert!(found.windows(2).all(|pair| pair[0].severity >= pair[1].severity));
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|finding| finding.severity == Severity::Warning), "{text:?}");
    assert!(text.iter().any(|line| line.starts_with("warning no_persistence at ")), "{text:?}");
}
