//! The cart: one field, a list of words, which `/api/fields/cart` may write too.

use cloakroom::{Error, SaveOutcome, Session};
use serde_json::Value;

pub(super) const FIELD: &str = "cart";
/// The maximum number of items.
pub(super) const MOST: usize = 50;
/// The maximum number of characters in one.
pub(super) const LONGEST: usize = 80;

/// Two tabs conflict once or twice; more often something is wrong.
const TRIES: usize = 5;

/// The result of a change.
pub(super) enum Changed {
    Done,
    /// Others changed the session each time.
    Busy,
    /// The session has ended.
    Gone,
}

/// The items. The API takes any JSON, so a value that is not a list of words is shown as written.
pub(super) fn items(session: &Session) -> Vec<String> {
    match session.get(FIELD) {
        Ok(Some(Value::Array(items))) => items.into_iter().map(word).collect(),
        Ok(Some(Value::Null) | None) | Err(_) => Vec::new(),
        Ok(Some(other)) => vec![word(other)],
    }
}

/// Changes the stored list, not the list that was shown, so that neither of two tabs undoes the other's change.
pub(super) async fn change(session: &Session, change: impl Fn(&mut Vec<String>)) -> Result<Changed, Error> {
    for _ in 0..TRIES {
        let mut items = items(session);
        change(&mut items);
        session.insert(FIELD, &items)?;
        match session.save_if_unchanged().await? {
            SaveOutcome::Saved | SaveOutcome::Unchanged => return Ok(Changed::Done),
            SaveOutcome::Gone(_) | SaveOutcome::Withheld => return Ok(Changed::Gone),
            SaveOutcome::Conflict => match session.reload().await {
                Err(Error::Gone(_)) => return Ok(Changed::Gone),
                reloaded => reloaded?,
            },
        }
    }
    Ok(Changed::Busy)
}

fn word(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
