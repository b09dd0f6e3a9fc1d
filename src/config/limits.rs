//! Size limits of stored data. Each is checked before anything is written.

use crate::config::ConfigError;

/// Limit of a field name.
const FIELD_NAME_BYTES: usize = 64;

/// Size limits of stored data; each setter states range and reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(crate) field_bytes: usize,
    pub(crate) fields: usize,
    pub(crate) session_bytes: usize,
    pub(crate) user_id_bytes: usize,
    pub(crate) user_agent_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            field_bytes: 64 * 1024,
            fields: 256,
            session_bytes: 256 * 1024,
            user_id_bytes: 256,
            user_agent_bytes: 256,
        }
    }
}

impl Limits {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stored bytes of one field: 1 to 1 MiB, default 64 KiB. Each load transfers all fields.
    #[must_use]
    pub const fn field_bytes(mut self, most: usize) -> Self {
        self.field_bytes = most;
        self
    }

    /// Fields of one session: 1 to 1,024, default 256. In the worst case a script visits each.
    #[must_use]
    pub const fn fields(mut self, most: usize) -> Self {
        self.fields = most;
        self
    }

    /// Bytes of all fields of one session, names included: 1 to 4 MiB, default 256 KiB.
    #[must_use]
    pub const fn session_bytes(mut self, most: usize) -> Self {
        self.session_bytes = most;
        self
    }

    /// Bytes of a user id: 1 to 1,024, default 256.
    #[must_use]
    pub const fn user_id_bytes(mut self, most: usize) -> Self {
        self.user_id_bytes = most;
        self
    }

    /// Stored bytes of a user agent: 0 to 1,024, default 256. Longer ones are truncated, not rejected.
    #[must_use]
    pub const fn user_agent_bytes(mut self, most: usize) -> Self {
        self.user_agent_bytes = most;
        self
    }

    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        let check = |setting, value: usize, least, most: usize| {
            let fine = (least..=most).contains(&value);
            fine.then_some(()).ok_or_else(|| ConfigError::out_of_range(setting, value, format!("{least} to {most}")))
        };
        check("limit of field bytes", self.field_bytes, 1, 1 << 20)?;
        check("limit of fields", self.fields, 1, 1024)?;
        check("limit of session bytes", self.session_bytes, 1, 4 << 20)?;
        check("limit of user id bytes", self.user_id_bytes, 1, 1024)?;
        check("limit of user agent bytes", self.user_agent_bytes, 0, 1024)?;
        Ok(self)
    }

    pub(crate) fn check_field(&self, name: &str, stored: &[u8]) -> Result<(), LimitExceeded> {
        check_field_name(name)?;
        if stored.len() > self.field_bytes {
            return Err(LimitExceeded::FieldBytes {
                field: name.to_owned(),
                bytes: stored.len(),
                most: self.field_bytes,
            });
        }
        Ok(())
    }

    pub(crate) fn check_user(&self, user: &str) -> Result<(), LimitExceeded> {
        if user.is_empty() || user.len() > self.user_id_bytes {
            return Err(LimitExceeded::UserId { bytes: user.len(), most: self.user_id_bytes });
        }
        Ok(())
    }
}

/// Checks a name. This limit is not configurable: names appear in Redis, logs and scripts.
pub(crate) fn check_field_name(name: &str) -> Result<(), LimitExceeded> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.is_empty() || name.len() > FIELD_NAME_BYTES || !name.bytes().all(legal) {
        return Err(LimitExceeded::FieldName);
    }
    Ok(())
}

/// The exceeded limit. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitExceeded {
    /// The name is not 1 to 64 bytes of `[A-Za-z0-9_.-]`.
    #[error("invalid field name: 1 to 64 bytes of A-Z, a-z, 0-9, `_`, `.` and `-` are allowed")]
    FieldName,
    /// One field is too large.
    #[error("the field `{field}` has {bytes} bytes, at most {most} are allowed")]
    FieldBytes {
        /// The field's name.
        field: String,
        /// Its stored size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// The session would have too many fields.
    #[error("the session would have more than {most} fields")]
    Fields {
        /// The limit.
        most: usize,
    },
    /// The session would be too large.
    #[error("the session would have more than {most} bytes")]
    SessionBytes {
        /// The limit.
        most: usize,
    },
    /// The user id is empty or too long.
    #[error("a user id has 1 to {most} bytes, this one has {bytes}")]
    UserId {
        /// The id's length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_1_to_64_bytes_of_letters_digits_and_three_signs() {
        for fine in ["a", "cart", "A-z_0.9", &"x".repeat(64)] {
            assert_eq!(check_field_name(fine), Ok(()), "{fine}");
        }
        for bad in ["", "@", "a b", "a:b", "é", "a\0", "{a}", "a/b", &"x".repeat(65)] {
            assert_eq!(check_field_name(bad), Err(LimitExceeded::FieldName), "{bad}");
        }
    }

    #[test]
    fn limits_out_of_range_are_configuration_errors() {
        assert!(Limits::new().checked().is_ok());
        assert!(Limits::new().field_bytes(0).checked().is_err());
        assert!(Limits::new().fields(1025).checked().is_err());
        assert!(Limits::new().session_bytes(usize::MAX).checked().is_err());
        assert!(Limits::new().user_id_bytes(0).checked().is_err());
        assert!(Limits::new().user_agent_bytes(0).checked().is_ok());
    }
}
