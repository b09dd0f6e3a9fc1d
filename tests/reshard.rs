//! D-1, D-13: a user whose slot is moving, with keys on both nodes.

use std::collections::BTreeSet;
use std::time::Duration;

use cloakroom::{Builder, ClientInfo, EndOutcome, Error, Login, LoginOutcome, Session, SessionId, Sessions};

use crate::common::cluster::Cluster;
use crate::common::reshard::Move;
use crate::common::{connected, token};

/// The keys that have moved to the new owner.
#[derive(Debug, Clone, Copy)]
enum Gone {
    Nothing,
    Index,
    TwoSessions,
    IndexAndTwoSessions,
    AllSessions,
}

const GONE: [Gone; 5] = [Gone::Nothing, Gone::Index, Gone::TwoSessions, Gone::IndexAndTwoSessions, Gone::AllSessions];

/// A user with four sessions.
struct Scene {
    sessions: Sessions,
    held: Vec<(SessionId, String)>,
    moving: Move,
}

impl Scene {
    /// Prepares everything up to the middle of the move.
    async fn new(cluster: &Cluster, namespace: &str, gone: Gone, settings: fn(Builder) -> Builder) -> Self {
        let builder = Sessions::builder(cluster.url()).namespace(namespace).budget(Duration::from_secs(2));
        let sessions = connected(settings(builder)).await;
        let mut held = Vec::new();
        for number in 0..4 {
            let session = login(&sessions).await.expect("nothing moves yet");
            session.insert("n", &number).expect("legal");
            session.save().await.expect("there").into_result().expect("saved");
            held.push((session.id().expect("live"), token(&session)));
        }
        let tag = &held[0].0.to_string()[15..18];
        let slot = cluster.slot(&format!("{{{tag}}}"));
        let owner = cluster.owner(slot).port();
        let to = cluster.nodes().iter().find(|node| node.port() != owner).expect("another master");
        let moving = Move::begin(cluster, slot, to);
        let keys: Vec<String> = moving.from().ask(&["KEYS", &format!("{namespace}:{{{tag}}}:*")]);
        let index = keys.iter().filter(|key| key.contains(":u:"));
        let of = |number: usize| {
            let end = held[number].0.to_string();
            keys.iter().filter(move |key| key.ends_with(&end)).cloned()
        };
        let gone: Vec<String> = match gone {
            Gone::Nothing => Vec::new(),
            Gone::Index => index.cloned().collect(),
            Gone::TwoSessions => (0..2).flat_map(of).collect(),
            Gone::IndexAndTwoSessions => index.cloned().chain((0..2).flat_map(of)).collect(),
            Gone::AllSessions => (0..4).flat_map(of).collect(),
        };
        if !gone.is_empty() {
            moving.keys(&gone.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Self { sessions, held, moving }
    }

    async fn open(&self, number: usize) -> Session {
        self.sessions.open(Some(&self.held[number].1), ClientInfo::new()).await.expect("ASK is followed")
    }

    async fn listed(&self) -> BTreeSet<SessionId> {
        self.sessions.user("ada").list().await.expect("there").into_iter().map(|session| session.id).collect()
    }
}

async fn login(sessions: &Sessions) -> Result<Session, Error> {
    let session = sessions.open(None, ClientInfo::new()).await?;
    let outcome = session.login(Login::new("ada")).await?;
    assert!(matches!(outcome, LoginOutcome::As(_)), "{outcome:?}");
    Ok(session)
}

#[tokio::test]
async fn while_a_slot_moves_its_sessions_open_whole_and_stay_in_the_index() {
    let cluster = Cluster::start(2, 0);
    for (number, gone) in GONE.into_iter().enumerate() {
        // With a grace a load is two commands.
        let grace = |with: Builder| with.expiry_grace(Duration::from_secs(60));
        let scene = Scene::new(&cluster, &format!("open{number}"), gone, grace).await;
        for (number, n) in (0..4).zip(0..) {
            let session = scene.open(number).await;
            assert_eq!(session.get::<i64>("n").expect("reads"), Some(n), "{gone:?}");
            assert!(session.time_left() > Some(Duration::from_secs(60)), "{gone:?}");
            session.increment("hits", 1).await.expect("one key");
        }
        // A server that does not have a session's key must not take the session for dead.
        for _ in 0..3 {
            let listed = scene.sessions.user("ada").list().await;
            assert!(matches!(&listed, Ok(all) if all.len() == 4) || unavailable(&listed), "{gone:?}: {listed:?}");
            scene.sessions.sweep().await.expect("others are swept");
        }
        let all: BTreeSet<SessionId> = scene.held.iter().map(|(id, _)| *id).collect();
        let login = login(&scene.sessions).await;
        assert!(login.is_ok() || unavailable(&login), "{gone:?}: {login:?}");
        let Scene { moving, .. } = scene;
        moving.finish();
        let scene = connected(Sessions::builder(cluster.url()).namespace(format!("open{number}"))).await;
        let listed = scene.user("ada").list().await.expect("there");
        let listed: BTreeSet<SessionId> = listed.into_iter().map(|session| session.id).collect();
        assert!(listed.is_superset(&all), "{gone:?}: nothing left the index");
        assert_eq!(listed.len(), 4 + usize::from(login.is_ok()), "{gone:?}: who was refused is not logged in");
    }
}

fn unavailable<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Unavailable(_)))
}

#[tokio::test]
async fn while_a_slot_moves_a_logout_and_a_revocation_succeed() {
    let cluster = Cluster::start(2, 0);
    for (number, gone) in GONE.into_iter().enumerate() {
        let scene = Scene::new(&cluster, &format!("end{number}"), gone, |with| with).await;
        assert_eq!(scene.open(0).await.logout().await.expect("one key is enough"), EndOutcome::Ended, "{gone:?}");
        let revoked = scene.sessions.user("ada").revoke(scene.held[3].0).await;
        assert!(revoked.expect("one key is enough"), "{gone:?}");
        for number in [0, 3] {
            assert_eq!(scene.open(number).await.id(), None, "{gone:?}");
        }
        let left: BTreeSet<SessionId> = [1, 2].map(|number| scene.held[number].0).into();
        let Scene { sessions, held, moving } = scene;
        moving.finish();
        let user = sessions.user("ada");
        let listed: BTreeSet<SessionId> =
            user.list().await.expect("there").into_iter().map(|session| session.id).collect();
        assert_eq!(listed, left, "{gone:?}");
        for number in [0, 3] {
            let late = sessions.open(Some(&held[number].1), ClientInfo::new()).await.expect("there");
            assert_eq!(late.id(), None, "{gone:?}");
        }
    }
}

#[tokio::test]
async fn while_a_slot_moves_all_of_a_users_sessions_are_revoked() {
    let cluster = Cluster::start(2, 0);
    for (number, gone) in GONE.into_iter().enumerate() {
        let scene = Scene::new(&cluster, &format!("all{number}"), gone, |with| with).await;
        let revoked = scene.sessions.revoke_user("ada").await;
        assert_eq!(revoked.expect("one by one").ended, 4, "{gone:?}");
        for number in 0..4 {
            assert_eq!(scene.open(number).await.id(), None, "{gone:?}");
        }
        assert_eq!(scene.listed().await, BTreeSet::new(), "{gone:?}");
        scene.moving.finish();
        assert!(login(&sessions_of(&cluster, number).await).await.is_ok(), "{gone:?}: logins go on");
    }
}

async fn sessions_of(cluster: &Cluster, number: usize) -> Sessions {
    connected(Sessions::builder(cluster.url()).namespace(format!("all{number}"))).await
}
