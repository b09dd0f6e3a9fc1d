//! Discarding unsaved changes.

use super::Session;

impl Session {
    /// Discards all unsaved field changes, so that the handler's response is sent as it is.
    ///
    /// For handlers that report a failed save themselves. Otherwise the web layer saves pending changes when the
    /// handler returns, and replaces its response by an error if that fails. Useful after:
    ///
    /// - [`SaveOutcome::Conflict`](crate::SaveOutcome::Conflict), if the handler has changed fields since, even to
    ///   restore them;
    /// - an error of a save, such as [`Error::Limit`](crate::Error::Limit);
    /// - [`LoginOutcome::Conflict`](crate::LoginOutcome::Conflict),
    ///   [`EndOutcome::Superseded`](crate::EndOutcome::Superseded), [`RotateOutcome::Gone`](crate::RotateOutcome::Gone)
    ///   or an error of an increment, if there were changes before it.
    ///
    /// Fields then have their loaded values, with what this handle has saved and counted since;
    /// [`reload`](Self::reload) also reads what others have written. [`set_dirty`](Self::set_dirty) is undone too. A
    /// draft becomes empty. Saved changes stay saved; a save that returned
    /// [`Error::Indeterminate`](crate::Error::Indeterminate) may have been executed and is not sent again.
    ///
    /// No I/O; never fails. After the session's end, and once the response has begun, there may be nothing to discard.
    ///
    /// # Examples
    /// ```
    /// use cloakroom::{Error, SaveOutcome, Session};
    ///
    /// async fn rename(session: Session) -> Result<&'static str, Error> {
    ///     session.insert("name", "Ada")?;
    ///     match session.save_if_unchanged().await? {
    ///         SaveOutcome::Saved | SaveOutcome::Unchanged => Ok("renamed"),
    ///         SaveOutcome::Conflict | SaveOutcome::Gone(_) | SaveOutcome::Withheld => {
    ///             session.discard();
    ///             Ok("not renamed")
    ///         }
    ///     }
    /// }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let sessions = cloakroom::Sessions::builder("memory:").namespace("shop").connect().await?;
    /// # let session = sessions.open(None, cloakroom::ClientInfo::new()).await?;
    /// # assert_eq!(rename(session).await?, "renamed");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn discard(&self) {
        let mut state = self.state();
        state.fields.discard();
        state.resolved();
    }
}
