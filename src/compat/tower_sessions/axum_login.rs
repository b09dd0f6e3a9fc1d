//! The user that axum-login has logged in. It stores the user's id and a hash in one value of the record.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::State;
use crate::compat::record::RecordUser;
use crate::compat::user_id::{UserIdError, of_json};

/// The key of that value, unless the application configures another.
pub(super) const KEY: &str = "axum-login.data";

/// The logged-in user; `None` for a guest's record.
pub(super) fn named<Id: Serialize + DeserializeOwned>(state: &State, key: &str) -> RecordUser {
    let Some(data) = state.get(key) else { return Ok(None) };
    let Some(data) = data.as_object() else {
        return Err(UserIdError::new(format!("`{key}` is not axum-login's data")));
    };
    match (present(data.get("user_id")), present(data.get("auth_hash"))) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(UserIdError::new("it is null")),
        (Some(id), _) => of_json::<Id>(id).map(Some),
    }
}

/// Whether a user is logged in, whatever the id.
pub(super) fn has_user(state: &State, key: &str) -> bool {
    state.get(key).is_some_and(|data| ["user_id", "auth_hash"].iter().any(|name| present(data.get(name)).is_some()))
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(data: Value) -> RecordUser {
        named::<i64>(&[(KEY.to_owned(), data)].into(), KEY)
    }

    #[test]
    fn a_record_names_the_user_whom_axum_login_has_logged_in() {
        assert_eq!(of(json!({ "user_id": 42, "auth_hash": [1] })), Ok(Some("42".to_owned())));
        for guest in [json!({}), json!({ "user_id": null, "auth_hash": null })] {
            assert_eq!(of(guest), Ok(None));
        }
        assert_eq!(named::<i64>(&State::new(), KEY), Ok(None));
    }

    #[test]
    fn a_login_whose_id_is_unreadable_is_an_error() {
        let unreadable = [
            json!({ "user_id": "ada", "auth_hash": [1] }),
            json!({ "user_id": null, "auth_hash": [1] }),
            json!(null),
            json!([42, [1]]),
        ];
        for data in unreadable {
            assert!(of(data.clone()).is_err(), "{data}");
        }
    }
}
