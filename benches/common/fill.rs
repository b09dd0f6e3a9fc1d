//! Stores sessions, many at a time, before anything is timed.

use std::future::Future;

use cloakroom::{ClientInfo, Login, Session, Sessions};
use tokio::task::JoinSet;

use super::Failure;

/// The number stored at a time.
const AT_ONCE: usize = 128;

/// The fields of a stored session.
#[derive(Clone, Copy)]
pub(crate) struct Content {
    pub(crate) fields: usize,
    /// Of each field, with the two bytes or so of its length.
    pub(crate) bytes: usize,
}

impl Content {
    pub(crate) const fn new(fields: usize, bytes: usize) -> Self {
        Self { fields, bytes }
    }

    pub(crate) fn names(self) -> impl Iterator<Item = String> {
        (0..self.fields).map(|number| format!("field{number}"))
    }

    pub(crate) fn put(self, session: &Session) -> Result<(), Failure> {
        let value = "x".repeat(self.bytes.saturating_sub(2));
        for name in self.names() {
            session.insert(&name, &value)?;
        }
        Ok(())
    }
}

/// Stores guests' sessions; returns the tokens.
pub(crate) async fn guests(sessions: &Sessions, count: usize, content: Content) -> Result<Vec<String>, Failure> {
    many(count, sessions, move |sessions, _| async move {
        let session = sessions.open(None, ClientInfo::new()).await?;
        content.put(&session)?;
        session.save().await?.into_result()?;
        token(&session)
    })
    .await
}

/// Stores sessions of users, n of each; returns the tokens.
pub(crate) async fn users(
    sessions: &Sessions,
    users: impl Iterator<Item = String>,
    each: usize,
    content: Content,
) -> Result<Vec<String>, Failure> {
    let users: Vec<String> = users.collect();
    many(users.len() * each, sessions, move |sessions, number| {
        let user = users[number / each].clone();
        async move {
            let session = sessions.open(None, ClientInfo::new()).await?;
            content.put(&session)?;
            let _ = session.login(Login::new(user).keep(content.names())).await?;
            token(&session)
        }
    })
    .await
}

/// Opens a session for each token.
pub(crate) async fn opened(sessions: &Sessions, tokens: Vec<String>) -> Result<Vec<Session>, Failure> {
    many(tokens.len(), sessions, move |sessions, number| {
        let token = tokens[number].clone();
        async move { Ok(sessions.peek(Some(&token), ClientInfo::new()).await?) }
    })
    .await
}

pub(crate) fn token(session: &Session) -> Result<String, Failure> {
    Ok(session.token().ok_or("no token was issued")?.reveal().to_string())
}

/// Does something n times, many at a time; returns the results, in any order.
async fn many<T: Send + 'static, F: Future<Output = Result<T, Failure>> + Send>(
    count: usize,
    sessions: &Sessions,
    one: impl Fn(Sessions, usize) -> F + Clone + Send + 'static,
) -> Result<Vec<T>, Failure> {
    let mut tasks = JoinSet::new();
    for first in 0..AT_ONCE.min(count) {
        let (one, sessions) = (one.clone(), sessions.clone());
        tasks.spawn(async move {
            let mut done = Vec::new();
            for number in (first..count).step_by(AT_ONCE) {
                done.push(one(sessions.clone(), number).await?);
            }
            Ok::<_, Failure>(done)
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(done) = tasks.join_next().await {
        all.extend(done??);
    }
    Ok(all)
}
