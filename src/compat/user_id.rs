//! Conversion of an id of any type to a user id.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Length of the longest id that is used unchanged: the default of
/// [`Limits::user_id_bytes`](crate::Limits::user_id_bytes).
const LONGEST: usize = 256;
/// The prefix of a hashed id.
const HASHED: &str = "sha256:";

/// The id of a logged-in user cannot be read, so that the user's sessions could not be listed or revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of the logged-in user cannot be read: {0}")]
pub struct UserIdError(pub(super) String);

impl UserIdError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// The user id that the drop-in stores use for the user with this id. Pass it to
/// [`Sessions::user`](crate::Sessions::user) and [`revoke_user`](crate::Sessions::revoke_user).
///
/// `Id` is the type that the application uses with axum-login (`AuthUser::Id`); for actix-identity it is `String`.
/// Different ids of one type have different user ids:
///
/// | id, as JSON | user id |
/// |---|---|
/// | a string, such as a `String`, a `Uuid` or a newtype of one | the string |
/// | a number, such as an `i64` or a newtype of one | its digits |
/// | anything else, such as a struct | its JSON without spaces, keys in alphabetical order |
/// | a string that is empty, that begins with `sha256:`, or that is the JSON of another id of the same type | the string as JSON, in quotes |
/// | any of these that would be longer than 256 bytes | `sha256:` and the hash of its JSON, in hex |
///
/// # Errors
/// [`UserIdError`] if the id cannot be represented as JSON, or is JSON's `null`, which means "no user" in axum-login.
///
/// # Examples
/// ```
/// use cloakroom::compat::user_id;
///
/// assert_eq!(user_id(&42_i64)?, "42");
/// assert_eq!(user_id(&"ada".to_owned())?, "ada");
/// assert_eq!(user_id(&("tenant".to_owned(), 7))?, r#"["tenant",7]"#);
/// # Ok::<(), cloakroom::compat::UserIdError>(())
/// ```
pub fn user_id<Id: Serialize + DeserializeOwned>(id: &Id) -> Result<String, UserIdError> {
    let json = serde_json::to_value(id).map_err(|error| UserIdError::new(error.to_string()))?;
    if json.is_null() {
        return Err(UserIdError::new("it is null"));
    }
    let text = match &json {
        Value::String(text) if is_plain::<Id>(text) => text.clone(),
        json => canonical(json),
    };
    Ok(if text.len() <= LONGEST { text } else { hashed(&json) })
}

/// The same for a stored id. The error omits the value, which may be personal data.
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-014"))]
pub(super) fn of_json<Id: Serialize + DeserializeOwned>(json: &Value) -> Result<String, UserIdError> {
    let id = serde_json::from_value::<Id>(json.clone());
    user_id(&id.map_err(|_| UserIdError::new(format!("it is not the JSON of a `{}`", std::any::type_name::<Id>())))?)
}

/// Whether no other id of this type has this text.
fn is_plain<Id: Serialize + DeserializeOwned>(text: &str) -> bool {
    let is_anothers = || serde_json::from_str(text).is_ok_and(|json| is_id::<Id>(&json));
    !text.is_empty() && !text.starts_with(HASHED) && !is_anothers()
}

/// Whether this is the JSON of an id of this type.
fn is_id<Id: Serialize + DeserializeOwned>(json: &Value) -> bool {
    let id = serde_json::from_value::<Id>(json.clone());
    id.is_ok_and(|id| serde_json::to_value(&id).is_ok_and(|again| again == *json))
}

fn hashed(json: &Value) -> String {
    let digest = Sha256::digest(canonical(json));
    digest.iter().fold(HASHED.to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// JSON in which equal values have equal texts, even if another crate enables serde_json's `preserve_order`.
fn canonical(json: &Value) -> String {
    match json {
        Value::Object(members) => canonical_object(members),
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        simple => simple.to_string(),
    }
}

fn canonical_object(members: &Map<String, Value>) -> String {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    let member = |(name, json): (&String, &Value)| format!("{}:{}", Value::from(name.as_str()), canonical(json));
    format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::json;

    use super::*;

    /// The user id from this JSON, for an id of a type that allows any JSON.
    fn of(json: &Value) -> String {
        of_json::<Value>(json).expect("an id")
    }

    fn typed<Id: Serialize + DeserializeOwned>(id: &Id) -> String {
        user_id(id).expect("an id")
    }

    #[test]
    fn strings_and_numbers_have_their_plain_form_as_user_ids() {
        assert_eq!(typed(&"ada".to_owned()), "ada");
        assert_eq!(typed(&"42".to_owned()), "42", "no other `String` is written so");
        assert_eq!(
            (typed(&42_i64), typed(&-42_i64), typed(&u64::MAX)),
            ("42".into(), "-42".into(), u64::MAX.to_string())
        );
        assert_eq!(typed(&"550e8400-e29b-41d4-a716-446655440000".to_owned()), "550e8400-e29b-41d4-a716-446655440000");
    }

    #[test]
    fn different_ids_of_one_type_have_different_user_ids() {
        let long = "x".repeat(300);
        let [quoted, twice] = [r#""a""#, r#""\"a\"""#];
        let ids = [
            json!(42),
            json!("42"),
            json!("\"42\""),
            json!(42.0),
            json!("42.0"),
            json!(true),
            json!("true"),
            json!("a"),
            json!(quoted),
            json!(twice),
            json!(""),
            json!("\"\""),
            json!([1]),
            json!("[1]"),
            json!({"a": 1, "b": 2}),
            json!(r#"{"a":1,"b":2}"#),
            json!(long),
            json!(format!("{long}x")),
            json!(format!("\"{long}\"")),
            json!(hashed(&json!(long))),
            json!([]),
            json!({}),
            json!("null"),
            json!(" 42"),
            json!(-0.0),
            json!(0),
        ];
        let texts: HashSet<_> = ids.iter().map(of).collect();
        assert_eq!(texts.len(), ids.len(), "{texts:?}");
        assert!(texts.iter().all(|text| (1..=LONGEST).contains(&text.len())));
    }

    #[test]
    fn the_order_of_a_maps_keys_does_not_matter() {
        let [one, other]: [HashMap<String, u8>; 2] =
            [["b", "a"], ["a", "b"]].map(|names| names.map(|name| (name.to_owned(), 1)).into());
        assert_eq!(typed(&one), typed(&other));
        assert_eq!(typed(&one), r#"{"a":1,"b":1}"#);
    }

    #[test]
    fn null_and_the_json_of_another_type_are_errors_that_do_not_quote_it() {
        assert!(user_id(&None::<i64>).is_err());
        let error = of_json::<i64>(&json!("secret")).expect_err("no number").to_string();
        assert!(error.contains("i64") && !error.contains("secret"), "{error}");
    }
}
