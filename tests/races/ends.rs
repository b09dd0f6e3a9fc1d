//! I-01 to I-04: an ended session stays ended, whatever is in flight.

use std::time::Duration;

use cloakroom::{ClientInfo, EndOutcome, EndReason, Error, SaveOutcome, Session};
use tokio::task::JoinSet;

use super::servers;
use crate::common::{keys, token};

/// Every operation that a request can have in flight, in a tight loop.
async fn busy(session: Session, number: usize) {
    let name = format!("f{number}");
    for round in 0..20 {
        let _ = session.insert(&name, &round);
        match number % 4 {
            0 => drop(session.save().await.expect("there")),
            1 => drop(session.increment("n", 1).await),
            2 => drop(session.touch().await.expect("there")),
            _ => drop(session.rotate().await.expect("there")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_flight_brings_a_session_back_that_was_logged_out() {
    let (stage, servers) = servers(|with| with).await;
    for round in 0..10 {
        let (session, old) = stage.user("ada").await;
        let mut handles = Vec::new();
        for number in 0..12 {
            handles.push(servers[number % 3].open(Some(&old), ClientInfo::new()).await.expect("there"));
        }
        let mut requests = JoinSet::new();
        for (number, handle) in handles.into_iter().enumerate() {
            requests.spawn(async move {
                busy(handle.clone(), number).await;
                handle
            });
        }
        tokio::time::sleep(Duration::from_millis(round)).await; // another moment each round
        assert_eq!(session.logout().await.expect("there"), EndOutcome::Ended);
        assert_eq!(stage.open(&old).await.id(), None);
        for handle in requests.join_all().await {
            let late = handle.save().await.expect("there");
            assert!(matches!(late, SaveOutcome::Gone(_) | SaveOutcome::Unchanged), "{late:?}");
            if let Some(token) = handle.token() {
                assert_eq!(stage.open(&token.reveal()).await.id(), None, "I-04");
            }
        }
        assert_eq!(stage.open(&old).await.id(), None);
    }
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_revocation_returned_no_session_of_the_user_opens() {
    let (stage, servers) = servers(|with| with).await;
    for _ in 0..5 {
        let mut tokens = Vec::new();
        for _ in 0..20 {
            tokens.push(stage.user("ada").await.1);
        }
        let mut requests = JoinSet::new();
        for (number, token) in tokens.iter().enumerate() {
            let handle = servers[number % 3].open(Some(token), ClientInfo::new()).await.expect("there");
            requests.spawn(busy(handle, number));
        }
        let revoked =
            tokio::join!(servers[0].revoke_user("ada"), servers[1].revoke_user("ada"), servers[2].revoke_user("ada"));
        for token in &tokens {
            assert_eq!(stage.open(token).await.id(), None);
        }
        let ended = [revoked.0, revoked.1, revoked.2].map(|revoked| revoked.expect("there").ended);
        assert_eq!(ended.iter().sum::<u64>(), 20, "each was ended by one of them: {ended:?}");
        requests.join_all().await;
        for token in &tokens {
            assert_eq!(stage.open(token).await.id(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_that_sign_out_the_others_at_once_leave_one() {
    let (stage, servers) = servers(|with| with).await;
    for _ in 0..20 {
        let (one, one_token) = stage.user("ada").await;
        let (two, two_token) = stage.user("ada").await;
        let (ones, twos) = (servers[1].user("ada"), servers[2].user("ada"));
        let (first, second) =
            tokio::join!(ones.revoke_others(one.id().expect("live")), twos.revoke_others(two.id().expect("live")));
        let (first, second) = (first.expect("there"), second.expect("there"));
        assert!(first.is_some() != second.is_some(), "{first:?} {second:?}");
        assert_eq!(stage.open(&one_token).await.id().is_some(), first.is_some());
        assert_eq!(stage.open(&two_token).await.id().is_some(), second.is_some());
        stage.sessions.revoke_user("ada").await.expect("there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_of_many_concurrent_ends_succeeds() {
    let (stage, servers) = servers(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let mut handles = Vec::new();
    for number in 0..30 {
        handles.push(servers[number % 3].open(Some(&old), ClientInfo::new()).await.expect("there"));
    }
    let mut requests = JoinSet::new();
    for (number, handle) in handles.into_iter().enumerate() {
        requests.spawn(async move {
            match number % 3 {
                0 => handle.logout().await,
                1 => handle.invalidate().await,
                _ => handle.reset().await,
            }
        });
    }
    let outcomes = requests.join_all().await;
    let ended = outcomes.iter().filter(|outcome| matches!(outcome, Ok(EndOutcome::Ended))).count();
    assert_eq!(ended, 1, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_users_logging_in_from_one_guest_session_one_gets_its_fields() {
    let (stage, servers) = servers(|with| with).await;
    for _ in 0..10 {
        let (_, old) = stage.guest().await;
        let mut handles = Vec::new();
        for number in 0..6 {
            handles.push(servers[number % 3].open(Some(&old), ClientInfo::new()).await.expect("there"));
        }
        let mut requests = JoinSet::new();
        for (number, handle) in handles.into_iter().enumerate() {
            requests.spawn(async move {
                let user = format!("user{number}");
                (handle.login(cloakroom::Login::new(user).keep(["a"])).await.expect("there"), handle)
            });
        }
        let outcomes = requests.join_all().await;
        assert!(outcomes.iter().all(|(outcome, _)| matches!(outcome, cloakroom::LoginOutcome::As(_))), "{outcomes:?}");
        let mut carried = 0;
        for (_, handle) in &outcomes {
            let found = stage.open(&token(handle)).await;
            assert!(found.user().is_some() && found.user() == handle.user());
            carried += found.names().len();
        }
        assert_eq!(carried, 1, "the others log in as without a session");
        let old = stage.open(&old).await;
        assert_eq!((old.id(), old.ended()), (None, Some(EndReason::LoggedIn)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_logins_of_one_user_in_one_guest_session_end_in_one_session() {
    let (stage, servers) = servers(|with| with).await;
    for _ in 0..20 {
        let (_, old) = stage.guest().await;
        let mut requests = JoinSet::new();
        for number in 0..4 {
            let (server, old) = (servers[number % 3].clone(), old.clone());
            requests.spawn(async move {
                let handle = server.open(Some(&old), ClientInfo::new()).await.expect("there");
                (handle.login(cloakroom::Login::new("ada").keep(["a"])).await.expect("there"), handle)
            });
        }
        let outcomes = requests.join_all().await;
        let id = outcomes[0].1.id().expect("live");
        assert!(outcomes.iter().all(|(outcome, _)| *outcome == cloakroom::LoginOutcome::As(id)), "{outcomes:?}");
        let mut open = 0;
        for (_, handle) in &outcomes {
            open += usize::from(stage.open(&token(handle)).await.names() == ["a"]);
        }
        assert_eq!(open, 2, "the last one's token and the one before");
        assert_eq!(stage.sessions.user("ada").revoke_all().await.expect("there").ended, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_loaded_session_carries_no_token_that_opens_anything() {
    let (stage, servers) = servers(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let slow = servers[1].open(Some(&old), ClientInfo::new()).await.expect("there");
    servers[2].revoke_user("ada").await.expect("there");
    let _ = slow.rotate().await.expect("there");
    assert!(slow.token().is_none());
    assert!(matches!(slow.insert("a", &1), Err(Error::Gone(Some(EndReason::Revoked)))));
    for mut redis in stage.masters().await {
        for key in keys::all(&mut redis, &stage.namespace).await {
            let ttl: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut redis).await.expect("there");
            assert!(ttl > 0 || key.ends_with(":d"), "{key} has no expiry");
        }
    }
}
