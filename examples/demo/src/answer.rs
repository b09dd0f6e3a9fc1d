//! A server's response, and whether it is the expected one.

use std::fmt;

use serde_json::Value;

use super::Failure;

/// A response and its request.
pub(crate) struct Answer {
    pub(crate) question: String,
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Requires this status.
    pub(crate) fn status(self, wanted: u16) -> Result<Self, Failure> {
        if self.status == wanted {
            return Ok(self);
        }
        Err(format!("{}: the status should be {wanted} and is {}", self.question, self.status).into())
    }

    /// Requires this value at this JSON pointer (RFC 6901) in the body.
    pub(crate) fn has(self, place: &str, wanted: impl Into<Value>) -> Result<Self, Failure> {
        let (wanted, found) = (wanted.into(), self.body.pointer(place).unwrap_or(&Value::Null));
        if *found == wanted {
            return Ok(self);
        }
        Err(format!("{}: {place} should be {wanted} and is {found}", self.question).into())
    }

    /// The text at this JSON pointer.
    pub(crate) fn text(&self, place: &str) -> Result<String, Failure> {
        let found = self.body.pointer(place).and_then(Value::as_str);
        found.map(str::to_owned).ok_or_else(|| format!("{}: {place} should be a text", self.question).into())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        match &self.body {
            Value::Null => Ok(()),
            Value::Array(items) => items.iter().try_for_each(|item| write!(f, "\n{:15}{}", "", short(item))),
            body => write!(f, " {}", short(body)),
        }
    }
}

/// With ids and times cut, for a line to fit a screen.
fn short(value: &Value) -> Value {
    match value {
        Value::String(text) if is_id(text) => Value::String(format!("{}…", &text[..8])),
        Value::String(text) if is_time(text) => Value::String(text[11..19].to_owned()),
        Value::Array(items) => items.iter().map(short).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), short(value))).collect(),
        other => other.clone(),
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// RFC 3339, in UTC.
fn is_time(text: &str) -> bool {
    text.is_ascii() && text.len() >= 20 && text.ends_with('Z') && text[10..].starts_with('T')
}
