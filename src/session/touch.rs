//! Recording that the session was used.

use std::time::Duration;

use super::Session;
use crate::error::Error;
use crate::store::{Refused, Touch};

impl Session {
    /// Records a use: moves the idle deadline to one idle timeout plus one touch interval from now.
    ///
    /// Opening a session does this when it is due. Call it where a session is used for long without being opened, such
    /// as in a WebSocket. Within the touch interval of an earlier use it changes nothing. The deadline never passes the
    /// absolute deadline. Returns the time left, or `None` for a draft and for an ended session.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Indeterminate`]; touching again is harmless.
    ///
    /// # Cancel safety
    /// Safe: the use was recorded or not.
    ///
    /// # Redis
    /// One `EVALSHA` of `touch.lua`; none within the touch interval, as far as this handle knows.
    #[doc(alias = "refresh")]
    pub async fn touch(&self) -> Result<Option<Duration>, Error> {
        if self.touch_is_due() {
            self.touch_now().await?;
        }
        Ok(self.time_left())
    }

    /// Whether a touch would change something, by this process's estimate of the store's clock. The store decides
    /// again.
    pub(crate) fn touch_is_due(&self) -> bool {
        let now = self.sessions().store().now();
        let state = self.state();
        let Some(live) = state.live() else { return false };
        live.session.is_touch_due(now) || live.is_first_use()
    }

    pub(super) async fn touch_now(&self) -> Result<(), Error> {
        let Some(call) = self.state().live().map(touch_call) else { return Ok(()) };
        let answer = self.sessions().store().touch(self.sessions().op()?, &call).await?;
        let mut state = self.state();
        let still = state.live().is_some_and(|live| live.session.id == call.id);
        match answer {
            Ok((meta, etag)) if still => {
                if let Some(live) = state.live_mut() {
                    live.session.follow(&meta, etag);
                    live.touched(&meta);
                }
            }
            Err(Refused::Gone(reason)) if still => drop(state.gone_meanwhile(reason)),
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }
}

fn touch_call(live: &super::Live) -> Touch {
    live.session.touch(live.is_first_use().then_some(live.presented.hash))
}

impl super::Live {
    /// Whether this is the first use of the current secret after a rotation, as far as known.
    fn is_first_use(&self) -> bool {
        let unused = self.session.meta.rotation.as_ref().is_some_and(|rotation| rotation.used.is_none());
        unused && self.presented.hash == self.session.meta.secret
    }

    /// Takes over what a touch changes; the rest of the snapshot stays as loaded.
    fn touched(&mut self, now: &crate::store::Meta) {
        let meta = &mut self.session.meta;
        (meta.touched, meta.uses, meta.index_until) = (now.touched, now.uses, now.index_until);
        if meta.secret == now.secret {
            meta.rotation.clone_from(&now.rotation);
        }
    }
}
