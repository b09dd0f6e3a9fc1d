//! Stores an app server's sessions before the load begins, many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom::Sessions;
use tokio::task::JoinSet;

use super::Failure;
use super::operation;
use super::plan::Plan;
use super::slots::Slots;
use super::worker::{Said, say};

const AT_ONCE: usize = 128;
const SAY_EVERY: Duration = Duration::from_millis(200);
const SESSIONS_PER_USER: usize = 5;

/// The user that a visitor is, or becomes.
pub(crate) fn user(server: usize, visitor: usize) -> String {
    format!("user-{server}-{}", visitor / SESSIONS_PER_USER)
}

/// Whether this visitor is a user from the start.
fn is_user(visitor: usize, percent: u8) -> bool {
    visitor % 100 < usize::from(percent)
}

pub(crate) async fn fill(sessions: &Sessions, plan: &Plan) -> Result<Slots, Failure> {
    let stored = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for first in 0..AT_ONCE.min(plan.sessions) {
        let numbers = (first..plan.sessions).step_by(AT_ONCE);
        tasks.spawn(some(sessions.clone(), plan.clone(), numbers, stored.clone()));
    }
    let mut tokens = vec![String::new(); plan.sessions];
    let mut ticks = tokio::time::interval(SAY_EVERY);
    loop {
        tokio::select! {
            done = tasks.join_next() => match done {
                Some(done) => {
                    for (visitor, token) in done?? {
                        tokens[visitor] = token;
                    }
                }
                None => break,
            },
            _ = ticks.tick() => say(&Said::Stored(stored.load(Ordering::Relaxed)))?,
        }
    }
    let visitors = tokens.into_iter().enumerate();
    Ok(Slots::new(visitors.map(|(visitor, token)| (token, is_user(visitor, plan.users)))))
}

async fn some(
    sessions: Sessions,
    plan: Plan,
    numbers: impl Iterator<Item = usize> + Send,
    stored: Arc<AtomicUsize>,
) -> Result<Vec<(usize, String)>, Failure> {
    let mut tokens = Vec::new();
    for visitor in numbers {
        let user = is_user(visitor, plan.users).then(|| user(plan.number, visitor));
        let created = operation::create(&sessions, user.as_deref()).await;
        tokens.push((visitor, created.map_err(|kind| format!("filling the store failed: {kind}"))?));
        stored.fetch_add(1, Ordering::Relaxed);
    }
    Ok(tokens)
}
