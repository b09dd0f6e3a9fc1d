//! Changing the timeouts of one session.

use super::Session;
use crate::config::timeouts::Timeouts;
use crate::error::Error;

impl Session {
    /// Changes this session's timeouts immediately; counts as a use. A draft gets them when a save creates it. A login
    /// uses its own again: [`Login::timeouts`](crate::Login::timeouts) or the builder's.
    ///
    /// A session that is already older than its new absolute timeout is ended as expired. If the absolute timeout is
    /// longer than at the load, the response of a `SessionLayer` sets the cookie again: the same token with the new
    /// Max-Age. If that response is lost, the cookie keeps its old age until the next new token. Without a layer, the
    /// application has to set it.
    ///
    /// # Errors
    /// [`Error::Config`] for a timeout out of range, and nothing changes; [`Error::Gone`] if the session has ended or
    /// is ended by this; [`Error::Conflict`] if it was logged in again; [`Error::TooLate`] once the response has begun;
    /// [`Error::Unavailable`], [`Error::Indeterminate`]: calling again is harmless.
    ///
    /// # Cancel safety
    /// Both timeouts are changed, or neither.
    ///
    /// # Redis
    /// One `EVALSHA` of `retime.lua`; none for a draft. Before a layer sets the cookie again, one `HGETALL`.
    #[doc(alias = "set_timeout")]
    #[doc(alias = "set_expiry")]
    pub async fn set_timeouts(&self, timeouts: Timeouts) -> Result<(), Error> {
        let lifetimes = timeouts.checked()?;
        let _turn = self.0.turn.lock().await;
        self.state().refuse_change()?;
        let Some(live) = self.state().live().cloned() else {
            self.state().lifetimes = lifetimes;
            return Ok(());
        };
        let answer = self.sessions().store().retime(self.sessions().op()?, &live.session.retime(lifetimes)).await?;
        let mut state = self.state();
        match answer {
            Ok((meta, etag)) => {
                if let Some(live) = state.live_mut() {
                    live.session.retimed(&meta, etag);
                }
                state.lifetimes = lifetimes;
                Ok(())
            }
            Err(refused) => Err(state.refused(refused, &self.sessions().settings().limits, "")),
        }
    }
}
