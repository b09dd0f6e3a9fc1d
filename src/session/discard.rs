//! Taking changes back.

use super::Session;

impl Session {
    /// Drops all changes of fields that were not saved, so that the response of the handler is sent as it is.
    ///
    /// For a handler that reports itself that something was not saved. Without this, the web layer saves what is still
    /// pending when the handler returns, and replaces its response by an error if that fails. So it is useful after:
    ///
    /// - [`SaveOutcome::Conflict`](crate::SaveOutcome::Conflict), if the handler has changed fields since, be it to restore them;
    /// - an error of a save, such as [`Error::Limit`](crate::Error::Limit);
    /// - [`LoginOutcome::Conflict`](crate::LoginOutcome::Conflict), [`EndOutcome::Superseded`](crate::EndOutcome::Superseded),
    ///   [`RotateOutcome::Gone`](crate::RotateOutcome::Gone) or an error of an increment, if there were changes before it.
    ///
    /// Fields then read as they were loaded, with what this handle has saved and counted since;
    /// [`reload`](Self::reload) also reads what others have written. [`set_dirty`](Self::set_dirty) is taken back too. A
    /// draft is empty after it. What was already saved stays saved: also a save after whose
    /// [`Error::Indeterminate`](crate::Error::Indeterminate) the outcome is unknown, which is not sent again.
    ///
    /// No I/O, and it never fails: after the session's end, and once the response has begun, there may be nothing to drop.
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
        state.unsettled = None;
        state.resolved();
    }
}
