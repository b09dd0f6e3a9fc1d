//! The stored state, compared so that a dropped call leaves nothing half done.

use std::collections::BTreeMap;

use cloakroom::Session;

use super::scene::Scene;
use crate::histories::{Watch, live_by_user};

/// Maximum number of live sessions of a user in these scenes.
const CAP: u16 = 3;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// What the token from before the call opens.
    old: Option<String>,
    /// The state of the user's other session.
    other: String,
    /// The number of sessions in the user's list.
    listed: u64,
    /// Live sessions by user, guests under the empty name; of Redis only.
    live: BTreeMap<String, usize>,
}

impl Look {
    /// Fails the test if an invariant is broken: a key without an expiry, a live session in no index, a cap.
    pub(super) async fn at(scene: &Scene) -> Self {
        let mut old = None;
        if let Some(token) = &scene.old {
            old = Some(shown(&scene.stage.open(token).await));
        }
        let other = scene.stage.open(&crate::common::token(&scene.other)).await;
        let listed = scene.stage.sessions.user("ada").count().await.expect("the store is there");
        let mut live = BTreeMap::new();
        if let Some(mut redis) = scene.stage.masters().await.pop() {
            live = live_by_user(&mut redis, &scene.stage.namespace).await;
            let mut watch = Watch::new(vec![redis], &scene.stage.namespace, CAP);
            // A call that goes on by itself may end a session between two keys that are read here.
            let kept = until_kept(&mut watch).await;
            kept.unwrap_or_else(|broken| panic!("{broken}"));
        }
        Self { old, other: shown(&other), listed, live }
    }
}

/// A broken invariant stays broken.
async fn until_kept(watch: &mut Watch) -> Result<(), String> {
    let mut kept = watch.look().await;
    for _ in 0..20 {
        if kept.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        kept = watch.look().await;
    }
    kept
}

fn shown(session: &Session) -> String {
    let names = ["a", "b", "n"];
    let fields: Vec<_> = names.iter().filter(|name| session.contains(name)).map(|name| field(session, name)).collect();
    format!(
        "{:?} {:?} {:?} {:?} {fields:?}",
        session.id().is_some(),
        session.user(),
        session.ended(),
        session.timeouts()
    )
}

fn field(session: &Session, name: &str) -> String {
    match session.get::<i64>(name) {
        Ok(value) => format!("{name}={value:?}"),
        Err(_) => format!("{name}={:?}", session.counter(name)),
    }
}
